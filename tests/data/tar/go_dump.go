// SPDX-License-Identifier: Apache-2.0

// go_dump prints what Go's archive/tar makes of an archive, a line for each member: the second opinion
// that the parser's tests compare with.
package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"hash/crc64"
	"io"
	"os"
	"sort"
	"strings"
	"time"
)

func timeText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

// dump returns a line for each member, then how it ended. bare leaves out which error it was.
func dump(data []byte, bare bool) string {
	var out strings.Builder
	fail := func(err error) string {
		if bare {
			return out.String() + "error\n"
		}
		return out.String() + "error " + strings.TrimPrefix(err.Error(), "archive/tar: ") + "\n"
	}
	// Not seekable, as docker's input: io.Reader alone.
	reader := tar.NewReader(struct{ io.Reader }{bytes.NewReader(data)})
	for {
		h, err := reader.Next()
		if err == io.EOF {
			return out.String() + "end\n"
		}
		if err != nil {
			return fail(err)
		}
		crc := crc64.New(crc64.MakeTable(crc64.ISO))
		size, err := io.Copy(crc, reader)
		if err != nil {
			return fail(err)
		}
		mtime := h.ModTime
		if h.Typeflag == tar.TypeXGlobalHeader {
			mtime = time.Unix(0, 0)
		}
		fmt.Fprintf(&out, "type=%02x name=%x link=%x claims=%d size=%d crc=%016x mode=%o uid=%d gid=%d "+
			"user=%x group=%x mtime=%s atime=%s ctime=%s dev=%d,%d", h.Typeflag, h.Name, h.Linkname,
			h.Size, size, crc.Sum64(), uint32(h.Mode), uint32(h.Uid), uint32(h.Gid), h.Uname, h.Gname,
			timeText(mtime), timeText(h.AccessTime), timeText(h.ChangeTime),
			uint32(h.Devmajor), uint32(h.Devminor))
		names := []string{}
		for name := range h.Xattrs {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			fmt.Fprintf(&out, " xattr-%x=%x", name, h.Xattrs[name])
		}
		out.WriteString("\n")
	}
}

// cuts prints the lengths, as ranges, to which the archive can be cut without an error.
func cuts(data []byte) {
	begin := -1
	for n := 0; n <= len(data)+1; n++ {
		good := n <= len(data) && strings.HasSuffix(dump(data[:n], true), "end\n")
		if good && begin < 0 {
			begin = n
		}
		if !good && begin >= 0 {
			fmt.Printf("%d-%d\n", begin, n-1)
			begin = -1
		}
	}
}

// flips prints, for each block, the CRC-64 of the dumps of all archives that differ from this one in one
// byte of the block: in its lowest bit, then in its highest.
func flips(data []byte) {
	for block := 0; block < len(data); block += 512 {
		crc := crc64.New(crc64.MakeTable(crc64.ISO))
		for i := block; i < block+512 && i < len(data); i++ {
			for _, bit := range []byte{0x01, 0x80} {
				data[i] ^= bit
				io.WriteString(crc, dump(data, true))
				data[i] ^= bit
			}
		}
		fmt.Printf("%016x\n", crc.Sum64())
	}
}

func main() {
	data, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	switch os.Args[1] {
	case "dump":
		fmt.Print(dump(data, false))
	case "cuts":
		cuts(data)
	case "flips":
		flips(data)
	}
}
