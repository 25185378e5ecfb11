"""Classes of texts, and of pairs of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ceteris.text.classify.inputs import SingleTexts, TextPairs
from ceteris.text.classify.label_learner import LabelLearner


@dataclass(eq=False, repr=False)
class TextClassifier(LabelLearner):
    """Tell classes of texts apart, by a model that reads them and a head that is learnt from labelled ones.

    A text may have one class; several labels, each of which holds or does not (y is a matrix of zeros and ones); or
    answers to several questions, all learnt on the same layers (y is a data frame, a column for each question).

    Parameters
    ----------
    model : str, path or Pretrained
        What reads: a name or a folder for `ceteris.text.load`, or what it gave.
    train : {"head", "last", "all"}
        What is learnt: a head on the model's vectors as they are (seconds on a CPU; texts are read once); its last
        layers too, or all of it (minutes; with more labels than a few hundred, or where texts are unlike any the model
        has read).
    depth : int
        With "last": how many layers.
    words : bool
        Whether the words of a text (TF-IDF) stand beside its vector, as far as they help in cross-validation.
    length : int, optional
        Tokens that are read at once; by default 256, or fewer where the model reads fewer.
    long : {"chunk", "cut"}
        What becomes of longer texts: they are read in pieces, whose vectors (or outputs) are averaged, or their end is
        left out.
    class_weight : None, "balanced" or dict
        Weight of each class; "balanced" gives all the same total weight. With several questions only the first two.
    members : int
        Nets that are trained, each with other texts set aside, and averaged; a head alone is one in any case.
    rate : float, optional
        Highest learning rate of the layers: 1e-4 for the last ones, 3e-5 for all, by default.
    epochs : int
        Passes over the texts, at most.
    batch_size : int
        Texts, or pieces of long ones, per update.
    patience : int, optional
        Epochs without improvement on the texts set aside after which a net stops; half of them by default.
    validation : float
        Share of the texts that are set aside to stop by and to set probabilities by.
    cache : path, optional
        A folder where vectors are kept, see `ceteris.text.embed`.
    random_state : int or RandomState, optional
        Decides everything random.
    progress : bool
        Whether to show the progress of layers that are trained.

    Attributes
    ----------
    classes_ : array of labels; a list of them with several questions
    head_ : LinearHead
        What was chosen by cross-validation: penalty, scale of the words, temperature of the probabilities.
    history_ : DataFrame or None
        The course of the training of layers.
    cut_ : int
        Texts that were not read to their end.

    References
    ----------
    Source 004, sections 6.4, 7.2 and 7.2.8. Kumar, A. et al. (2022). Fine-tuning can distort pretrained features and
    underperform out-of-distribution. ICLR. Guo, C. et al. (2017). On calibration of modern neural networks. ICML.

    Examples
    --------
    >>> from ceteris.text.classify.examples import CORPUS, tiny_model
    >>> y = ["economy", "economy", "sport", "sport", "economy", "sport"]
    >>> classifier = TextClassifier(tiny_model(), random_state=0).fit(CORPUS * 4, y * 4)
    >>> classifier.predict(["prices rise", "the game of the club"]).tolist()
    ['economy', 'sport']
    """

    _inputs: ClassVar[SingleTexts] = SingleTexts()


@dataclass(eq=False, repr=False)
class PairClassifier(LabelLearner):
    """Tell how two texts stand to each other: whether one follows from, answers, repeats or contradicts the other.

    Parameters
    ----------
    model : str, path or Pretrained
        As for `TextClassifier`.
    train : {"head", "last", "all"}
        A head on what sets the vectors of the two texts apart; or layers too, which then read both texts at once, each
        token of one seeing those of the other.
    depth : int
        With "last": how many layers.
    words : bool
        Whether the words of a text (TF-IDF) stand beside its vector, as far as they help in cross-validation.
    length : int, optional
        Tokens that are read at once; by default 256, or fewer where the model reads fewer.
    class_weight : None, "balanced" or dict
        Weight of each class.
    long : {"chunk", "cut"}
        What becomes of longer texts where each is read for itself. Layers that are trained read a pair at once, and
        the end of the longer text is left out (`cut_` says of how many).
    members : int
        Nets that are trained, each with other texts set aside, and averaged.
    rate : float, optional
        Highest learning rate of the layers.
    epochs : int
        Passes over the texts, at most.
    batch_size : int
        Texts, or pieces of long ones, per update.
    patience : int, optional
        Epochs without improvement on the texts set aside after which a net stops.
    validation : float
        Share of the texts that are set aside.
    cache : path, optional
        A folder where vectors are kept, see `ceteris.text.embed`.
    random_state : int or RandomState, optional
        Decides everything random.
    progress : bool
        Whether to show the progress of layers that are trained.

    Attributes
    ----------
    classes_, head_, history_, cut_
        As for `TextClassifier`.

    References
    ----------
    Source 004, section 7.2. Reimers, N. and Gurevych, I. (2019). Sentence-BERT. EMNLP.

    Examples
    --------
    >>> from ceteris.text.classify.examples import CORPUS, tiny_model
    >>> pairs = [(a, b) for a in CORPUS for b in CORPUS]
    >>> classifier = PairClassifier(tiny_model(), random_state=0).fit(pairs, [a == b for a, b in pairs])
    >>> classifier.predict([("rates rise", "rates rise")]).tolist()
    [True]
    """

    _inputs: ClassVar[TextPairs] = TextPairs()
