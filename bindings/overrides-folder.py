"""overrides-folder.py PREFIX: where PyGObject, run by this Python, finds overrides below PREFIX.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import pathlib
import sys
import sysconfig

import gi.overrides

prefix = pathlib.Path(sys.argv[1])
own = pathlib.Path(gi.overrides.__file__).parent
searched = [pathlib.Path(folder) for folder in sys.path if pathlib.Path(folder).name.endswith('-packages')]
# PyGObject joins the folders gi/overrides of all of sys.path.
if prefix == pathlib.Path('/usr'):
    below = [own]
else:
    below = [folder / 'gi/overrides' for folder in searched if prefix in folder.parents]
default = prefix / 'lib' / f'python{sysconfig.get_python_version()}' / 'site-packages/gi/overrides'
print((below or [default])[0])
