"""
Run by the Python under test: verify a bundle where nothing but the core can be imported.

The first argument is one more package that may be, or `-`; the others are those of `streampay_export.verify`.
"""

import runpy
import sys

MAY = {"attr", "attrs", "cattrs", "typing_extensions", "streampay_export", sys.argv.pop(1)}
# What measures coverage, and what cryptography brings along.
MAY |= {"coverage", "cffi", "_cffi_backend"}


class OnlyTheCore:
    """
    Stands before all finders, and refuses what is neither of the standard library nor of the core.
    """

    @staticmethod
    def find_spec(name, *_):
        """
        Refuse, or leave it to the finders after this one.
        """
        root = name.partition(".")[0]
        # The build's own variables are of the standard library, under a name of each platform's.
        standard = root in sys.stdlib_module_names or root.startswith("_sysconfigdata_")
        if root not in MAY and not standard:
            raise ModuleNotFoundError(f"the verifier wants {name}", name=name)


sys.meta_path.insert(0, OnlyTheCore)
runpy.run_module("streampay_export.verify", run_name="__main__", alter_sys=True)
