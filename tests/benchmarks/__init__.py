"""
`python -m tests.benchmarks`: rows a second and peak memory of an export, beside a plain exporter in the same run;
then MB a second of a bundle encrypted into storage and downloaded from it, beside a plain copy.

Each measurement is a process of its own. `ours.py` is us, `plain.py` is what one would write in an afternoon, and
both must say the same rows. Nothing here is a test of the library, but `test_benchmarks.py` keeps it running.
"""
