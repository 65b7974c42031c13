#!/bin/sh
# Build dist/nfsrdma_VERSION_ARCH.deb: the command with all that it needs in an environment of its own
# below /usr/lib/nfsrdma, man pages, completions, and the unit of the server. `make deb` calls it.
# The package fits the Python of the Debian that it is built on, so the dissector is compiled for that,
# if there is what it takes (NFSRDMA_COMPILED=0 does without). Needs no root.
set -eu
umask 022

python=${PYTHON:-/usr/bin/python3}
home=/usr/lib/nfsrdma
top=$(cd "$(dirname "$0")/.." && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/root

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$top/src/nfsrdma/__init__.py")
architecture=$(dpkg --print-architecture)
minor=$("$python" -c 'import sys; print(sys.version_info[1])')

can_compile() {
    command -v "${CC:-cc}" >/dev/null && "$python" -c 'if True:
        import os, sys, sysconfig
        sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'
}
compiled=${NFSRDMA_COMPILED:-1}
can_compile || compiled=0

echo "== the environment"
mkdir -p "$root$(dirname $home)"
"$python" -m venv "$root$home"
NFSRDMA_COMPILED=$compiled "$root$home/bin/python" -m pip install --quiet --disable-pip-version-check \
    "$top[dissect,fsspec]"
"$root$home/bin/python" -m pip uninstall --quiet --yes pip setuptools 2>/dev/null || true
# It was made elsewhere: only its scripts and its own description say where.
grep -rlI "$root$home" "$root$home/bin" "$root$home/pyvenv.cfg" | xargs sed -i "s|$root$home|$home|g"
find "$root$home" -name __pycache__ -prune -exec rm -rf {} +

echo "== man pages and completions"
mkdir -p "$stage/manual"
"$python" -m venv "$stage/tools"
NFSRDMA_COMPILED=0 "$stage/tools/bin/python" -m pip install --quiet --disable-pip-version-check click-man "$top"
"$stage/tools/bin/python" "$top/tools/manual.py" "$stage/manual"
install -d "$root/usr/share/man/man1" "$root/usr/bin" "$root/usr/share/doc/nfsrdma"
gzip -9n "$stage"/manual/man/*.1
cp "$stage"/manual/man/*.gz "$root/usr/share/man/man1"
install -D -m 644 "$stage/manual/completions/bash/nfsrdma" "$root/usr/share/bash-completion/completions/nfsrdma"
install -D -m 644 "$stage/manual/completions/zsh/_nfsrdma" "$root/usr/share/zsh/vendor-completions/_nfsrdma"
install -D -m 644 "$stage/manual/completions/fish/nfsrdma.fish" \
    "$root/usr/share/fish/vendor_completions.d/nfsrdma.fish"

for command in "$root$home"/bin/nfsrdma*; do
    ln -s "$home/bin/$(basename "$command")" "$root/usr/bin/$(basename "$command")"
done
install -d "$root/usr/sbin"
"$root$home/bin/python" -c "from nfsrdma.cli import main; main()" mount-helper --install --dir "$root/usr/sbin" >/dev/null
sed -i "s|$root$home|$home|g" "$root/usr/sbin/"mount.*
for unit in "$top"/packaging/*.service "$top"/packaging/*.socket; do
    [ -e "$unit" ] && install -D -m 644 "$unit" "$root/lib/systemd/system/$(basename "$unit")"
done
install -D -m 644 "$top/packaging/server.toml" "$root/etc/nfsrdma/server.toml"
install -d "$root/srv/nfs"
cp "$top/LICENSE" "$root/usr/share/doc/nfsrdma/copyright"
cp "$top/README.md" "$top/CHANGELOG.md" "$root/usr/share/doc/nfsrdma"

install -d "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<CONTROL
Package: nfsrdma
Version: $version
Architecture: $architecture
Section: net
Priority: optional
Maintainer: the maintainers of nfsrdma
Depends: python3 (>= 3.$minor), python3 (<< 3.$((minor + 1)))
Recommends: fuse3
Suggests: python3-pyverbs, tshark
Description: NFS over RDMA in user space
 A client, a server and a dissector for NFSv4 over RDMA (RFC 8166, RFC 8267) and TCP. They need neither
 an adapter nor a kernel module nor root, and work with Linux's own client and server.
CONTROL
echo /etc/nfsrdma/server.toml > "$root/DEBIAN/conffiles"
install -m 755 "$top/packaging/deb-postinst.sh" "$root/DEBIAN/postinst"
mkdir -p "$top/dist"
package=$top/dist/nfsrdma_${version}_${architecture}.deb
dpkg-deb -Zxz -z3 --root-owner-group --build "$root" "$package" >/dev/null
echo "== $package: $(du -h "$package" | cut -f1)"
