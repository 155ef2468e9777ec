"""The bridge between this folder and the standard library's module of the same name.

From the repository's root, `import platform` finds this folder before the standard module, which many packages import.
So this file loads the standard `platform.py` under its own name, with this folder as the place of its submodules. That
module is what `import platform` returns: `platform.system()` and `platform.tune` both work in one process.

A process that imported the standard module before the root was on its path has no `platform.tune`. `conftest.py`
prevents that for pytest, and `platform/cluster/session.py` for Ray's workers.
"""

import importlib.util
import os.path
import sys
import sysconfig

_standard = os.path.join(sysconfig.get_path("stdlib"), "platform.py")
_spec = importlib.util.spec_from_file_location(
    __name__, _standard, submodule_search_locations=[os.path.dirname(os.path.abspath(__file__))])
assert _spec is not None  # it is a source file
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules[__name__] = _module
_spec.loader.exec_module(_module)
