"""What ``ceteris embed`` does."""

from __future__ import annotations

from pathlib import Path

from ceteris.outlets import say
from ceteris.text.words.file import text_file


def embed(
    path: Path,
    out: Path,
    dimensions: int = 100,
    window: int = 5,
    epochs: int = 5,
    least: int = 5,
    phrases: bool = False,
    runs: int = 0,
    seed: int = 0,
) -> None:
    """Learn word vectors from a text file, one document per line, and write vectors and report to a run folder.

    ``vectors.safetensors`` and ``vectors.txt`` appear whole or not at all.

    Parameters
    ----------
    path : Path
    out : Path
        Run folder.
    dimensions, window, epochs : int
        See `ceteris.text.SkipGram`.
    least : int
        Words that occur less often are left out.
    phrases : bool
        Whether to join words that are mostly met side by side.
    runs : int
        Further runs on samples of the documents, to see how steady the neighbours are; 0 for none.
    seed : int
    """
    path = text_file(path)  # before anything is imported that takes seconds
    from ceteris.report import Run, command_line, report
    from ceteris.text.words.corpus import join_phrases, read_corpus
    from ceteris.text.words.sections import word_sections
    from ceteris.text.words.skip_gram import SkipGram, refuse_short
    from ceteris.text.words.stability import fit_many

    model = SkipGram(dimensions, window, epochs=epochs, seed=seed)
    if runs < 0 or runs == 1:
        raise ValueError(f"runs: {runs} was given, but a spread needs at least 2 runs; give 0 for none.")
    corpus = read_corpus(path, least)
    corpus = join_phrases(corpus, least=least) if phrases else corpus
    refuse_short(corpus, window, "embed")
    options = {"dimensions": dimensions, "window": window, "epochs": epochs, "least": least, "phrases": phrases,
               "runs": runs}  # fmt: skip
    command = command_line(["ceteris", "embed", path], {"out": out, "seed": seed} | options)
    with Run.create(out, command, {"corpus": path} | options, seed) as run:
        vectors = model.fit(corpus, progress=True)
        vectors.save(out / "vectors.safetensors")
        vectors.save_text(out / "vectors.txt")
        ensemble = fit_many(model, corpus, runs, seed=seed) if runs else None
        run.write(word_sections(corpus, vectors, ensemble))
    say(f"{len(vectors):,} vectors of {dimensions} numbers in {out / 'vectors.safetensors'} and {out / 'vectors.txt'}.")
    say(f"Report: {report(out)}")
