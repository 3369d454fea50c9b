#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How the archives of this folder were made: by GNU tar 1.34, bsdtar 3.6.2 and Python 3.11, as root, on
# Debian 12 (packages tar, libarchive-tools, python3). What Go 1.19 (package golang-go) reads from each
# is in expected/: see go_dump.go. docker-*: made by make_docker.py. The tests need none of these tools.
#   usage: make.sh   (in this folder; overwrites the files)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/tree/dir/sub" "$work/tree/empty"
cd "$work/tree"
printf 'hello' > dir/a
printf '' > dir/none
head -c 1000 /dev/zero | tr '\0' 'x' > dir/sub/thousand
ln -s a dir/link
ln dir/a dir/hard
mkfifo pipe
mknod char c 1 3
mknod block b 7 200
printf 'caf' > "$(printf 'latin1-caf\351')"
printf 'utf8' > 'utf8-é-名'
long=$(printf 'l%.0s' $(seq 120))
printf 'long name' > "$long"
ln -s "$long/$long" long-link
mkdir -p "deep-$(printf 'd%.0s' $(seq 80))/$(printf 'e%.0s' $(seq 60))"
printf 'split' > "deep-$(printf 'd%.0s' $(seq 80))/$(printf 'e%.0s' $(seq 60))/file"
printf 'suid' > suid
chown 4321:1234 suid
chmod 6755 suid
chown 3000000:4000000 dir/none
setfattr -n user.note -v 'a=b' dir/a
find . -exec touch -h -d '2021-03-04 05:06:07.123456789Z' {} +
touch -d '1969-12-31 23:59:58.25Z' dir/a

order='dir empty pipe char block latin1* utf8* long-link deep* suid l*l'
gnu="tar --sort=name --blocking-factor=1"
$gnu --format=v7    -cf "$here/gnu-v7.tar" dir/sub empty dir/link
$gnu --format=ustar -cf "$here/gnu-ustar.tar" dir/sub empty pipe char block suid dir/link
$gnu --format=gnu   -cf "$here/gnu-gnu.tar" $order
$gnu --format=gnu --incremental -cf "$here/gnu-incremental.tar" dir/sub
$gnu --format=pax --xattrs --pax-option=exthdr.name=%d/PaxHeaders/%f -cf "$here/gnu-pax.tar" $order
$gnu --format=pax --pax-option=globexthdr.name=pax_global_header,comment=hello -cf "$here/gnu-pax-global.tar" empty pipe
bsdtar --format pax   -cf "$here/bsd-pax.tar" dir empty pipe char utf8* suid
bsdtar --format ustar -cf "$here/bsd-ustar.tar" dir/sub empty deep*
bsdtar --format gnutar -cf "$here/bsd-gnu.tar" dir/sub "$long" long-link
tar --format=gnu -b 20 -cf "$here/gnu-blocked.tar" dir/sub

# Sparse files: 3 and 30 stretches of data (the second needs extension blocks), and one that is all hole.
cd "$work"
for n in 3 30; do
  truncate -s $((n * 65536 + 4096)) "sparse$n"
  for i in $(seq 0 $((n - 1))); do
    printf 'data %d' "$i" | dd of="sparse$n" bs=1 seek=$((i * 65536 + 8192)) conv=notrunc status=none
  done
done
truncate -s 100000 hole
touch -d '2021-03-04 05:06:07Z' sparse3 sparse30 hole
files='sparse3 sparse30 hole'
$gnu --format=gnu -S -cf "$here/sparse-gnu.tar" $files
for v in 0.0 0.1 1.0; do
  $gnu --format=pax --sparse-version=$v -S --pax-option=delete=atime,delete=ctime -cf "$here/sparse-pax-$v.tar" $files
done

cd "$here"
/usr/bin/python3 make_odd.py
mkdir -p expected
go run go_write.go
go build -o "$work/go_dump" go_dump.go
for tar in *.tar bad/*.tar; do
  "$work/go_dump" dump "$tar" > "expected/$(echo "${tar%.tar}" | tr / -).txt"
done
for name in gnu-v7 gnu-ustar gnu-incremental bsd-gnu odd-names-in-order odd-g-forgets-metas odd-x-times odd-star; do
  "$work/go_dump" cuts "$name.tar" > "expected/$name.cuts"
  "$work/go_dump" flips "$name.tar" > "expected/$name.flips"
done
