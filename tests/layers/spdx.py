#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Gives each source file without it the line that names its licence."""
import subprocess,re,os
SKIP=re.compile(r'/carried/|/corpus/|^tests/data/|^examples/thermostat/')
def form(name,first):
    if re.search(r'\.(c|h|css)$',name): return '/* SPDX-License-Identifier: MIT */'
    if name.endswith('.lua'): return '-- SPDX-License-Identifier: MIT'
    if name.endswith('.js'): return '// SPDX-License-Identifier: MIT'
    if re.search(r'\.(py|sh|cmake)$|CMakeLists\.txt$',name) or first.startswith('#!'): return '# SPDX-License-Identifier: MIT'
    return None
n=0
for f in subprocess.run(['git','ls-files'],capture_output=True,text=True).stdout.split('\n'):
    if not f or SKIP.search(f) or not os.path.isfile(f) or os.path.islink(f): continue
    try: t=open(f).read()
    except UnicodeDecodeError: continue
    l=t.split('\n')
    s=form(f,l[0])
    if not s or 'SPDX-License-Identifier' in '\n'.join(l[:3]): continue
    l.insert(1 if l[0].startswith('#!') else 0,s)
    open(f,'w').write('\n'.join(l)); n+=1
print(f"{n} files changed")
