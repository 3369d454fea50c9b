// SPDX-License-Identifier: Apache-2.0
//
// Writes what Go and docker's own packages make of templates, sizes, ages, tables and progress bars: the expectations
// of src/cli's unit tests. Run again with Debian's packages golang-go, golang-github-docker-go-units-dev and
// golang-github-docker-docker-dev:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run tests/data/cli/make_vectors.go tests/data/cli
package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"text/template"
	"time"

	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/docker/go-units"
)

// The functions that docker adds, as its documentation describes them.
var functions = template.FuncMap{
	"json": func(v interface{}) string {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(v); err != nil {
			panic(err)
		}
		return strings.TrimSpace(out.String())
	},
	"split": strings.Split,
	"join":  strings.Join,
	"title": strings.Title,
	"lower": strings.ToLower,
	"upper": strings.ToUpper,
	"pad": func(s string, before, behind int) string {
		if s == "" {
			return s
		}
		return strings.Repeat(" ", before) + s + strings.Repeat(" ", behind)
	},
	"truncate": func(s string, n int) string {
		if len(s) < n {
			return s
		}
		return s[:n]
	},
}

// What templates work on, as JSON: docker decodes a container or image so, with missing keys being errors.
const data = `{
  "Id": "sha256:066eedbe55ff", "Os": "linux", "Empty": "", "Size": 2059362, "Ratio": 0.25, "Big": 9007199254740993,
  "Yes": true, "No": false, "Nothing": null,
  "Tags": ["app:1", "app:latest", "reg.example:5000/app:1"], "None": [],
  "Config": {"Env": ["PATH=/bin", "FOO=bar"], "Labels": {"role": "app", "two words": "v 2", "html": "<a&b>"},
             "Healthcheck": null, "Ports": {"8080/tcp": {}}},
  "Layers": [{"Id": "a", "Size": 1}, {"Id": "b", "Size": 20}],
  "Quoted": "a\"b\\c\td\nä\u2028"
}`

type templateCase struct {
	Template string `json:"template"`
	Output   string `json:"output"`
	Error    string `json:"error"`
}

func runTemplate(text string) (result templateCase) {
	result.Template = text
	parsed, err := template.New("").Funcs(functions).Parse(text)
	if err != nil {
		result.Error = err.Error()
		return
	}
	var value map[string]interface{}
	decoder := json.NewDecoder(strings.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		panic(err)
	}
	var out bytes.Buffer
	if err := parsed.Option("missingkey=error").Execute(&out, value); err != nil {
		result.Error = err.Error()
		return
	}
	result.Output = out.String()
	return
}

var templates = []string{
	// fields, text, comments, trim markers
	"", "text", "{{.Id}}", "a {{.Id}} b {{.Os}}", "{{ .Config.Labels.role }}", "{{.}}", "{{.Config}}", "{{.Tags}}", "{{.Nothing}}",
	"{{.Config.Healthcheck}}", "{{/* a comment */}}x", "a {{- .Os -}} b", "a {{- /* c */ -}} b", "a\n{{- .Os}}\n", "{{.Size}} {{.Ratio}} {{.Big}} {{.Yes}}",
	"{{.Layers}}", "{{.Config.Ports}}", "{{(index .Layers 1).Id}}", "{{$.Id}}", "{{$}}", "{{.Quoted}}", "{{.None}}{{.Empty}}|",
	"{{\"a\\tb\\u00e4\\x41\\101\"}}", "{{`raw \\n`}}", "{{'a'}} {{'\\n'}} {{'ä'}}", "{{true}} {{false}}", "{{3}} {{-3}} {{0x1F}} {{1.50}} {{1e3}} {{1e21}} {{1e-5}} {{0.1}} {{123456789.0}} {{010}} {{1_000}} {{0b11}} {{+5}}",
	"line1\nline2 {{.Os}}\n", "{{.Os}}{{.Id}}", "}} {", "{ {.Os} }",
	// json
	"{{json .}}", "{{json .Config}}", "{{json .Tags}}", "{{json .Nothing}}", "{{json .Size}}", "{{json .Os}}", "{{json .Quoted}}", "{{.Config | json}}",
	"{{json 1.5}} {{json true}} {{json \"<a>\"}} {{json .None}}",
	// if, with, range
	"{{if .Yes}}y{{else}}n{{end}}", "{{if .No}}y{{else}}n{{end}}", "{{if .Empty}}y{{else if .Os}}os{{else}}n{{end}}", "{{if .Empty}}y{{else if .Empty}}os{{else}}n{{end}}",
	"{{if .None}}y{{end}}|", "{{if .Nothing}}y{{else}}nil{{end}}", "{{if .Size}}y{{end}}", "{{if not .Empty}}empty{{end}}", "{{if .Config}}y{{end}}",
	"{{with .Config}}{{.Labels.role}}{{end}}", "{{with .Nothing}}x{{else}}none{{end}}", "{{with $x := .Os}}{{$x}}{{.}}{{end}}",
	"{{range .Tags}}<{{.}}>{{end}}", "{{range .None}}x{{else}}none{{end}}", "{{range $i, $t := .Tags}}{{$i}}={{$t}};{{end}}", "{{range $t := .Tags}}{{$t}} {{$.Os}};{{end}}",
	"{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "{{range .Config.Labels}}{{.}};{{end}}", "{{range .Nothing}}x{{else}}nil{{end}}",
	"{{range .Tags}}{{if eq . \"app:latest\"}}{{continue}}{{end}}{{.}} {{end}}", "{{range .Tags}}{{if eq . \"app:latest\"}}{{break}}{{end}}{{.}} {{end}}",
	"{{range .Layers}}{{.Id}}:{{.Size}} {{end}}", "{{range $i, $l := .Layers}}{{range $.Tags}}{{$i}}{{.}} {{end}}{{end}}", "{{range $i, $_ := .Tags}}{{if $i}}, {{end}}{{.}}{{end}}",
	"{{if .Yes}}{{if .No}}a{{else}}b{{end}}{{end}}",
	// variables
	"{{$x := .Os}}{{$x}}", "{{$x := 1}}{{$x = 2}}{{$x}}", "{{$x := 1}}{{if .Yes}}{{$x = 3}}{{end}}{{$x}}", "{{$x := 1}}{{if .Yes}}{{$x := 3}}{{$x}}{{end}}{{$x}}",
	"{{$c := .Config}}{{$c.Labels.role}}", "{{$last := \"\"}}{{range .Tags}}{{$last = .}}{{end}}{{$last}}",
	// functions
	"{{len .Tags}} {{len .Config.Labels}} {{len .Os}} {{len .Size}}", "{{len .Nothing}}", "{{len .Yes}}", "{{index .Tags 0}} {{index .Tags 2}}", "{{index .Config.Labels \"two words\"}}", "{{index .Config.Labels \"nope\"}}|",
	"{{index .Layers 1 \"Id\"}}", "{{index .Tags 3}}", "{{index .Tags -1}}", "{{index .Tags \"x\"}}", "{{index .Nothing 1}}", "{{index .Config 1}}", "{{index .Os 0}}", "{{index .Yes 0}}", "{{index .Config \"Env\" 1}}",
	"{{slice .Id 7 12}}", "{{slice .Id 7}}", "{{slice .Tags 1 2}}", "{{slice .Id 5 2}}", "{{slice .Id 7 99}}", "{{slice .Yes 1}}",
	"{{eq .Os \"linux\"}} {{ne .Os \"linux\"}} {{eq .Os \"a\" \"linux\"}}", "{{eq 1 1}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}", "{{lt \"a\" \"b\"}}", "{{eq .Size 1}}", "{{eq .Size \"2059362\"}}", "{{gt .Size 1}}", "{{eq .Yes true}}", "{{eq .Nothing nil}}",
	"{{eq .Tags .Tags}}", "{{lt .Yes .No}}", "{{lt .Tags 1}}", "{{eq 1 1.0}}", "{{lt 1.5 2.5}}", "{{eq 1}}", "{{eq}}",
	"{{and .Yes .Os}} {{and .No .Os}} {{or .Empty .Os}} {{or .Os .Id}} {{or .Empty .None}} {{not .Yes}} {{not .Empty}}", "{{and}}", "{{and .No (index .Tags 99)}}", "{{or .Os (index .Tags 99)}}", "{{.Os | or .Empty}}", "{{and .Yes .Os .Id}}",
	"{{print 1 2}} {{print \"a\" \"b\"}} {{print 1 \"b\" 2 3}} {{print .Os .Size}}", "{{println .Os 1}}", "{{println}}", "{{print nil}}", "{{print}}|",
	"{{printf \"%s|%10s|%-10s|%.2s\" .Os .Os .Os .Os}}", "{{printf \"%d %5d %-5d| %05d %x %X %o %b %c %+d\" 42 42 42 42 255 255 8 5 65 7}}", "{{printf \"%q %v %T\" .Os .Size .Size}}", "{{printf \"%v %v %v\" .Tags .Config.Labels .Nothing}}",
	"{{printf \"%s\" 5}} {{printf \"%d\" \"x\"}} {{printf \"%z\" 1}}", "{{printf \"%s\"}}", "{{printf \"x\" 1 \"b\"}}", "{{printf \"%\"}}", "{{printf \"%%\"}}", "{{printf \"%t\" true}}", "{{printf \"%f %.2f %e %g %8.3f|\" 1.5 1.5 1.5 1.5 1.5}}", "{{printf \"%*d\" 5 42}}",
	"{{printf \"%x %X\" \"hi\" \"hi\"}}", "{{printf \"%q\" .Tags}}", "{{printf \"%s\" .Tags}}", "{{printf \"%#v\" .Os}}", "{{printf \"%T %T %T %T\" .Tags .Config 1 1.5}}", "{{printf \"%5t|%-7v|%3v\" true false 1234}}", "{{printf \"%6.2f|%-8s|%08d\" 3.14159 \"ab\" -42}}",
	"{{printf \"%q\" .Quoted}}", "{{printf \"%d\" .Size}}", "{{printf .Os}}", "{{printf 5}}", "{{printf \"%v\" nil}}", "{{printf \"%s\" .Nothing}}", "{{printf \"%v %d\" .Layers 3}}",
	"{{html \"<a href='x'>&\"}}", "{{urlquery \"a b&c/ä\"}}", "{{html .Os}}",
	"{{lower \"ABC\"}} {{upper \"abc\"}} {{title \"hello big-world o'neil\"}}", "{{upper .Os}}", "{{upper .Size}}", "{{upper .Nothing}}", "{{upper 5}}", "{{upper nil}}", "{{upper}}", "{{upper .Os .Id}}", "{{.Os | upper}}", "{{.Os | upper | lower | printf \"%s!\"}}",
	"{{split .Id \":\"}}", "{{index (split .Id \":\") 1}}", "{{split \"abc\" \"\"}}", "{{join (split \"a,b,c\" \",\") \"-\"}}", "{{join .Tags \",\"}}", "{{join .Os \",\"}}", "{{range split \"a b\" \" \"}}[{{.}}]{{end}}", "{{len (split \"a,b\" \",\")}}",
	"{{pad .Os 2 3}}|", "{{pad .Empty 2 3}}|", "{{truncate .Id 6}} {{truncate .Os 99}}", "{{truncate .Id .Size}}", "{{pad .Os \"a\" 1}}", "{{truncate .Os 2.5}}", "{{truncate .Os 3.0}}",
	"{{.Tags | len | printf \"%d tags\"}}", "{{(len .Tags) | printf \"%03d\"}}", "{{with index .Layers 0}}{{.Id}}{{end}}", "{{if and (eq .Os \"linux\") (gt (len .Tags) 2)}}both{{end}}", "{{if or .Empty (and .Yes .No)}}x{{else}}y{{end}}",
	"{{len (slice .Tags 1)}}", "{{not true | print}}", "{{print (print 1) (print 2)}}", "{{(.Config).Labels.role}}", "{{(.Config.Labels).role}}", "{{slice \"abc\" 1 2}}",
	// mistakes
	"{{.Foo}}", "{{.Config.Foo}}", "{{.Foo.Bar}}", "{{.Id.Foo}}", "{{.Size.Foo}}", "{{.Tags.Foo}}", "{{.Nothing.Foo}}", "{{.Config.Labels.nope}}", "a\nb {{.Os}}\nc {{.Foo}}", "{{(index .Layers 0).Nope}}", "{{$x := .Tags}}{{$x.Foo}}",
	"{{.Id", "{{", "{{.Id}", "{{}}", "{{ }}", "{{if}}", "{{if .Yes}}", "{{if .Yes}}x{{else}}", "{{range .Tags}}", "{{end}}", "{{else}}", "x{{end}}", "{{if .Yes}}{{else}}{{else}}{{end}}", "{{range .Tags}}{{else}}{{else}}{{end}}", "{{with .Os}}{{else if .Id}}{{end}}",
	"{{foo}}", "{{foo .Id}}", "{{.Id | foo}}", "{{$x}}", "{{.Id #}}", "{{.Id , .Os}}", "{{\"abc}}", "{{'a}}", "{{`abc}}", "{{(.Id}}", "{{.Id)}}", "{{.Id | }}", "{{| .Id}}", "{{.Id | 3}}", "{{3 4}}", "{{3 | .Id}}", "{{nil}}", "{{.Id 3}}", "{{$ 3}}", "{{\"a\" \"b\"}}",
	"{{/* a", "{{/* a */ b}}", "{{3.Foo}}", "{{\"a\".Foo}}", "{{nil.Foo}}", "{{.$x}}", "{{$x := }}", "{{$x, $y := .Tags}}", "{{range $x, $y, $z := .Tags}}{{end}}", "{{range .Size}}{{end}}", "{{range .Yes}}{{end}}", "{{break}}", "{{continue}}", "{{:}}", "{{=}}", "{{.Id = 3}}", "{{$x = 3}}",
	"{{if .Yes}}\n\n{{.Foo}}{{end}}", "{{\n.Id", "a\n{{if .Yes\n", "{{'ab'}}", "{{0x}}", "{{12a}}", "{{1.2.3}}", "{{99999999999999999999}}", "{{\"\\q\"}}", "{{.Id.}}", "{{..}}", "{{.Config..Env}}", "{{if .Yes | }}{{end}}", "{{else if .Yes}}{{end}}", "{{end .Id}}", "{{if .Yes}}{{end foo}}", "{{range}}{{end}}", "{{with}}{{end}}",
	"{{len}}", "{{len 1 2}}", "{{index}}", "{{.Id}}{{/*x*/}}{{.Os}}", "{{ - .Id}}", "{{-.Id}}", "{{- .Id}}", "{{.Id -}} x", "{{.Id-}} x", "{{@}}", "{{.Id | len | upper}}", "{{true.x}}", "{{.Id.Os \"x\"}}", "{{(upper .Os).Foo}}", "{{len .Tags .Tags}}",
}

type sizeCase struct {
	Bytes  float64 `json:"bytes"`
	Four   string  `json:"four"`
	Three  string  `json:"three"`
	Binary string  `json:"binary"`
}

type ageCase struct {
	Seconds int64  `json:"seconds"`
	Text    string `json:"text"`
}

func makeUnits() interface{} {
	var out struct {
		Sizes []sizeCase `json:"sizes"`
		Ages  []ageCase  `json:"ages"`
	}
	for _, n := range []float64{0, 1, 4, 119, 999, 999.5, 1000, 1001, 1005, 1024, 2048, 5126, 5130, 9999, 10000, 76800, 99949, 99950, 999499, 999500, 999949,
		999950, 999999, 1000000, 1982422, 2059362, 12345678, 58440000, 123456789, 999999999, 1e9, 1.58e9, 1234567890123, 9.99949e14, 1e15, 1e18, 9.2e18} {
		out.Sizes = append(out.Sizes, sizeCase{n, units.HumanSize(n), units.HumanSizeWithPrecision(n, 3), units.BytesSize(n)})
	}
	day := int64(24 * 3600)
	for _, s := range []int64{-5, 0, 1, 2, 45, 59, 60, 61, 119, 120, 125, 1799, 3539, 3599, 3600, 5399, 5400, 7200, 36000, 89999, 90000, 47*3600 + 1799, 47*3600 + 1800, 2 * day, 3 * day,
		13 * day, 14*day - 1801, 14*day - 1800, 14 * day, 30 * day, 59 * day, 60*day - 1801, 60 * day, 61 * day, 364 * day, 365 * day, 729 * day, 730 * day, 731 * day, 2191 * day} {
		out.Ages = append(out.Ages, ageCase{s, units.HumanDuration(time.Duration(s) * time.Second)})
	}
	return out
}

type textCase struct {
	Input  string `json:"input"`
	Output string `json:"output"`
}

func makeTables() (out []textCase) {
	for _, text := range []string{
		"REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE\n", "REPOSITORY\tTAG\nreg.example:5000/team/app\t1\nx\tlatest-and-greatest\n", "a\n", "", "a\tb", "a\tb\n",
		"a\t\tc\n\t\t\nlonger than ten\tx\ty\n", "one cell\nb\tc\nanother line of one\nlonger than ten\td\n", "ä\u00f6ü\tb\n1234567890\tc\n", "a\tb\tc\nd\te\nf\tg\thhhhhhhhhhhhhhh\ti\n", "trailing\t\nx\t\n",
		"step with\nline break\tx\ty\nz\tw\tv\n",
	} {
		var buffer bytes.Buffer
		writer := tabwriter.NewWriter(&buffer, 10, 1, 3, ' ', 0)
		writer.Write([]byte(text))
		writer.Flush()
		out = append(out, textCase{text, buffer.String()})
	}
	return
}

type progressCase struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Text  string `json:"text"`
}

func makeProgress() (out []progressCase) {
	// Off a terminal the package takes the screen to be 200 columns wide.
	for _, c := range [][2]int64{{0, 0}, {0, 2048}, {1, 2048}, {1024, 2048}, {2048, 2048}, {4096, 2048}, {100, 0}, {58440000, 58440000}, {11200000, 58440000}, {32768, 1982464}, {999999, 1000000}, {3, 1000}} {
		progress := jsonmessage.JSONProgress{Current: c[0], Total: c[1]}
		out = append(out, progressCase{c[0], c[1], progress.String()})
	}
	return
}

type patternCase struct {
	Pattern string `json:"pattern"`
	Text    string `json:"text"`
	Matched bool   `json:"matched"`
	Error   string `json:"error"`
}

func makePatterns() (out []patternCase) {
	texts := []string{"", "app", "app:1", "a/b", "a", "-", "]", "reg.example:5000/team/app:1", "a*b", "abc"}
	patterns := []string{"", "*", "app", "app*", "*:1", "?pp", "a?", "*/*", "*/*/*", "a/*", "[a-c]", "[^a]*", "[a-]", "[-a]", "[]", "[]a]", "[a", "[", "[^", "a[b-c]c",
		"a\\*b", "a\\", "[\\]]", "[\\-]", "**", "a**c", "*c", "*pp:?", "reg*", "reg*/team/app:1", "reg*:5000/*/app*", "[a-c", "x[", "x[]", "a[^c]c", "[b-a]", "*[", "\\a", "app:[0-9]"}
	for _, pattern := range patterns {
		for _, text := range texts {
			matched, err := path.Match(pattern, text)
			c := patternCase{pattern, text, matched, ""}
			if err != nil {
				c.Error = err.Error()
			}
			out = append(out, c)
		}
	}
	return
}

type durationCase struct {
	Text        string `json:"text"`
	Valid       bool   `json:"valid"`
	Nanoseconds int64  `json:"nanoseconds"`
	Printed     string `json:"printed"`
}

func makeDurations() (out []durationCase) {
	for _, text := range []string{"1h30m", "1.5h", "10s", "-5ms", "+3s", "0", "1h0m0.5s", "100ns", "1us", "1µs", "1.5ms", "24h", "2540400h10m10s", "1m1.000000001s",
		"", "5", "x", "h", "1d", "1h x", "1h5", "-", ".s", ".5s", "1.s", "99999999999h", "1e3s", " 1s", "0.000000001s", "59m60s"} {
		d, err := time.ParseDuration(text)
		out = append(out, durationCase{text, err == nil, int64(d), d.String()})
	}
	return
}

func write(name string, value interface{}) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(os.Args[1], name), out.Bytes(), 0o644); err != nil {
		panic(err)
	}
}

func main() {
	var cases []templateCase
	for _, text := range templates {
		cases = append(cases, runTemplate(text))
	}
	write("templates.json", map[string]interface{}{"data": data, "cases": cases})
	write("units.json", makeUnits())
	write("tables.json", makeTables())
	write("progress.json", makeProgress())
	write("patterns.json", makePatterns())
	write("durations.json", makeDurations())
}
