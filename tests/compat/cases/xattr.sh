# SPDX-License-Identifier: Apache-2.0
# roots: debian
# Extended attributes: those who keep them.

# attr PYTHON: with `set(file, name, value)` and `show(file)`.
attr() {
    python3 -c '
import os
def set(f, name, value): os.setxattr(f, name, value, follow_symlinks=False)
def show(f):
    for name in sorted(n for n in os.listxattr(f) if n.startswith("user.")):
        print(f, name, len(os.getxattr(f, name)), os.getxattr(f, name)[:20])
'"$1"
}

marked() {
    mkdir "$1" && echo one >"$1/one" && echo two >"$1/two" && ln -s one "$1/link"
    attr "set('$1/one', 'user.mime', b'text/plain'); set('$1/one', 'user.empty', b'')
set('$1', 'user.origin', bytes(1000))"
}

shown() {
    attr "
for d, _, files in sorted(os.walk('$1')):
    show(d)
    for f in sorted(files): show(os.path.join(d, f))"
}

case_xattr_cp() {
    marked a
    cp -a a b && shown b
    cp -r a c && shown c
    cp --preserve=xattr a/one d && attr "show('d')"
    mv a e && shown e
}

case_xattr_tar() {
    marked a
    tar --xattrs -cf a.tar a && mkdir out && tar --xattrs -xf a.tar -C out && shown out
    mkdir plain && tar -xf a.tar -C plain && shown plain
    echo done
}

case_xattr_errors() {
    attr "
def fails(*a):
    try: set(*a)
    except OSError as e: print(*a, e.strerror)
open('f', 'w').close()
os.symlink('f', 'l')
fails('f', 'noprefix', b'')
fails('l', 'user.a', b'')
fails('none', 'user.a', b'')
fails('/proc/self/status', 'user.a', b'')
show('f')"
}
