"""Complete a table by MIDASpy, run by a Python that has it: midas.py IN.csv KINDS.csv M SEED EPOCHS OUT_FOLDER.

IN: a table with empty cells as holes, labels as codes; KINDS: its columns and their kinds (number, binary, ordered,
label). Quantities are scaled to [0, 1] as MIDASpy's guide asks, labels are coded by indicators and drawn from what it
returns for them, which are probabilities (rMIDAS, its authors' package for R, does this by default). Writes
OUT_FOLDER/1.csv ... and prints the processor seconds.
"""

import contextlib
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import pandas as pd

source, of_columns, m, seed, epochs, folder = sys.argv[1:]
table, kinds = pd.read_csv(source), pd.read_csv(of_columns)
kind_of = dict(zip(kinds["column"], kinds["kind"], strict=True))
parts, binary, several = [], [], {}
for name in table:
    column, kind = table[name], kind_of[name]
    if kind == "number":
        parts.append((column - column.min()) / (column.max() - column.min()))
    elif kind == "binary":
        parts.append(column)
        binary.append(name)
    else:
        block = pd.get_dummies(column, prefix=name, prefix_sep="=").astype(float)
        block[column.isna()] = np.nan
        parts.append(block)
        several[name] = list(block)
wide = pd.concat(parts, axis=1)

import MIDASpy  # noqa: E402

start, before = time.process_time(), os.getcwd()
os.chdir(folder)
with contextlib.redirect_stdout(sys.stderr):
    model = MIDASpy.Midas(seed=int(seed), savepath=os.path.join(folder, "saved"))
    model.build_model(wide, binary_columns=binary or None, softmax_columns=list(several.values()) or None)
    model.train_model(training_epochs=int(epochs), verbose=False)
    model.generate_samples(m=int(m), verbose=False)
spent = time.process_time() - start
rng = np.random.default_rng(int(seed))
for i, done in enumerate(model.output_list, 1):
    out = {}
    for name in table:
        if kind_of[name] == "number":
            low, high = table[name].min(), table[name].max()
            values = done[name] * (high - low) + low
        elif kind_of[name] == "binary":
            values = (rng.random(len(done)) < done[name]).astype(int)
        else:
            codes = np.array([float(column.rsplit("=", 1)[1]) for column in several[name]])
            total = np.cumsum(done[several[name]].to_numpy(), 1)
            values = codes[(rng.random((len(done), 1)) * total[:, -1:] > total).sum(1).clip(max=len(codes) - 1)]
        out[name] = np.where(table[name].isna(), values, table[name])
    pd.DataFrame(out).to_csv(os.path.join(folder, f"{i}.csv"), index=False)
os.chdir(before)
print(spent)
