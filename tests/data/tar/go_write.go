// SPDX-License-Identifier: Apache-2.0

// go_write makes go-writer.tar, with the headers that docker's use of Go's archive/tar can lead to, and
// expected/paths.txt, what path.Clean makes of all short paths of a few components.
package main

import (
	"archive/tar"
	"fmt"
	"os"
	"path"
	"strings"
	"time"
)

func writeTar(name string) {
	file, _ := os.Create(name)
	w := tar.NewWriter(file)
	put := func(h tar.Header) {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.ModTime.IsZero() {
			h.ModTime = time.Unix(1600000000, 0)
		}
		bits := map[byte]int64{'0': 0100000, '1': 0100000, '2': 0120000, '3': 020000, '4': 060000, '5': 040000, '6': 010000}
		h.Mode |= bits[h.Typeflag]
		h.Format = tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			panic(err)
		}
		fmt.Fprint(w, strings.Repeat("x", int(h.Size)))
	}
	x := func(n int) string { return strings.Repeat("x", n) }
	put(tar.Header{Name: "plain", Size: 700, Mode: 0644})
	put(tar.Header{Name: "dir/", Typeflag: '5', Mode: 0755})
	put(tar.Header{Name: "link", Linkname: "a/b", Typeflag: '2', Mode: 0777})
	put(tar.Header{Name: "hard", Linkname: "plain", Typeflag: '1', Mode: 0644})
	put(tar.Header{Name: "char", Typeflag: '3', Devmajor: 1, Devminor: 3})
	put(tar.Header{Name: "block", Typeflag: '4', Devmajor: 4095, Devminor: 1048575})
	put(tar.Header{Name: "fifo", Typeflag: '6'})
	put(tar.Header{Name: x(100)})
	put(tar.Header{Name: x(101)})
	put(tar.Header{Name: x(155) + "/" + x(100)})
	put(tar.Header{Name: x(155) + "/" + x(101)})
	put(tar.Header{Name: x(156) + "/y"})
	put(tar.Header{Name: x(90) + "/" + x(20) + "/", Typeflag: '5'})
	put(tar.Header{Name: x(99) + "/" + x(20) + "/", Typeflag: '5'})
	put(tar.Header{Name: "dir/" + x(300) + "/deep/base"})
	put(tar.Header{Name: "a/utf8-é-名", Size: 3})
	put(tar.Header{Name: "名/", Typeflag: '5'})
	put(tar.Header{Name: "latin1-\xe9"})
	put(tar.Header{Name: "link2", Linkname: x(101), Typeflag: '2'})
	put(tar.Header{Name: "ids", Uid: 2097152, Gid: 4294967294, Uname: "jörg", Gname: x(33)})
	put(tar.Header{Name: "xattrs", Xattrs: map[string]string{"user.b": "v\x00w", "security.capability": "\x01\x00\x00\x02"}})
	put(tar.Header{Name: "before-1970", ModTime: time.Unix(-3, 250000000)})
	put(tar.Header{Name: "nanoseconds", ModTime: time.Unix(1600000000, 120000000)})
	put(tar.Header{Name: "times", AccessTime: time.Unix(5, 0), ChangeTime: time.Unix(6, 7)})
	put(tar.Header{Name: x(120) + "/" + x(50), Uid: 3000000})
	w.Close()
	file.Close()
}

func writePaths(name string) {
	file, _ := os.Create(name)
	defer file.Close()
	parts := []string{"", ".", "..", "a", "b"}
	var all func(prefix string, depth int)
	all = func(prefix string, depth int) {
		fmt.Fprintf(file, "%s\t%s\n", prefix, strings.TrimPrefix(path.Clean("/"+prefix), "/"))
		if depth == 0 {
			return
		}
		for _, part := range parts {
			all(prefix+"/"+part, depth-1)
		}
	}
	for _, part := range append(parts, "...", "..a", " ") {
		all(part, 3)
	}
}

func main() {
	writeTar("go-writer.tar")
	writePaths("expected/paths.txt")
}
