"""Damaged and hostile files, made at random: each reader reads them or refuses them, by one error that names the file.

    python -m tests.fuzz --inputs 1000000 --seed 1 [READER ...]

`mutate.py` makes an input from the seed and its number alone, out of the files in `corpus/`; `readers.py` is the table of readers;
`check.py` judges one input. `make_corpus.py` made the corpus; inputs that were found to fail are kept there too."""
