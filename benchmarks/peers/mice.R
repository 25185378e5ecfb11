# Rscript mice.R IN.csv KINDS.csv METHOD M ITERATIONS SEED OUT_FOLDER
# IN: a table with empty cells as holes; KINDS: its columns and their kinds (number, binary, ordered, label).
# METHOD: "default" (pmm, logreg, polr, polyreg) or a method of mice for every column, such as cart.
# Writes OUT_FOLDER/1.csv ... and prints the processor seconds of mice() alone.
suppressPackageStartupMessages(library(mice))
given <- commandArgs(trailingOnly = TRUE)
table <- read.csv(given[1], na.strings = "", stringsAsFactors = FALSE)
kinds <- read.csv(given[2], stringsAsFactors = FALSE)
for (i in seq_len(nrow(kinds))) {
  name <- kinds$column[i]
  if (kinds$kind[i] == "ordered") table[[name]] <- factor(table[[name]], levels = sort(unique(table[[name]])), ordered = TRUE)
  if (kinds$kind[i] %in% c("binary", "label")) table[[name]] <- factor(table[[name]])
}
method <- if (given[3] == "default") NULL else given[3]
# polyreg and polr need the packages nnet and MASS; where these are lacking, trees draw the labels
full <- requireNamespace("nnet", quietly = TRUE) && requireNamespace("MASS", quietly = TRUE)
usual <- if (full) c("pmm", "logreg", "polyreg", "polr") else c("pmm", "logreg", "cart", "cart")
before <- proc.time()
imputed <- mice(table, m = as.integer(given[4]), maxit = as.integer(given[5]), method = method, defaultMethod = usual, seed = as.integer(given[6]), printFlag = FALSE)
spent <- proc.time() - before
for (k in seq_len(as.integer(given[4]))) write.csv(complete(imputed, k), file.path(given[7], paste0(k, ".csv")), row.names = FALSE)
cat(spent[["user.self"]] + spent[["sys.self"]], if (full) "" else "(labels by cart: nnet is not installed)", "\n")
