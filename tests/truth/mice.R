# Rscript mice.R FOLDER FORMULA NULL_FORMULA [FAMILY]
# FOLDER holds completed tables, 1.csv, 2.csv, ...; FAMILY is gaussian (lm), binomial or poisson (glm).
# Prints what mice makes of them: pool, D1, D2, D3, pool.r.squared. The figures that `ceteris pool FOLDER --y ... --x ...
# --covariance classic --test ... --method D1` has to give. Needs the packages mice, mitml and broom. Where the tests were
# written there was no R: tests/stats/test_rubin_tests.py and tests/impute/test_joint.py hold what mice has printed elsewhere.
suppressPackageStartupMessages(library(mice))
given <- commandArgs(trailingOnly = TRUE)
files <- list.files(given[1], pattern = "^[0-9]+\\.csv$", full.names = TRUE)
files <- files[order(as.integer(sub("\\.csv$", "", basename(files))))]
tables <- lapply(files, read.csv, stringsAsFactors = TRUE)
family <- if (length(given) > 3) given[4] else "gaussian"
fits <- function(formula) {
  text <- if (family == "gaussian") sprintf("lm(%s, data = table)", formula) else
    sprintf("glm(%s, family = %s, data = table)", formula, family)
  as.mira(lapply(tables, function(table) eval(parse(text = text))))
}
full <- fits(given[2])
null <- fits(given[3])
options(digits = 12)
print(summary(pool(full), type = "all"))
print(pool(full)$pooled)
for (test in list(D1(full, null), D2(full, null), D3(full, null))) print(test$result)
if (family == "gaussian") for (adjusted in c(FALSE, TRUE)) print(pool.r.squared(full, adjusted = adjusted))
