package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/internal/dbtest"
	"github.com/semsearch/semsearch/internal/extract/extracttest"
)

// cmdJSON checks a value of the one JSON object on standard output: json hits.0.id notes.txt. A last
// argument that is missing means that the value is there. "len" is the length of a list.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: json PATH [VALUE]")
	}
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		ts.Fatalf("standard output is no JSON: %v", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		ts.Fatalf("more than one JSON value")
	}
	found := true
	for part := range strings.SplitSeq(args[0], ".") {
		switch x := v.(type) {
		case map[string]any:
			v, found = x[part]
		case []any:
			if part == "len" {
				v = len(x)
				continue
			}
			i, err := strconv.Atoi(part)
			if found = err == nil && i < len(x); found {
				v = x[i]
			}
		default:
			found = false
		}
		if !found {
			break
		}
	}
	got := fmt.Sprint(v)
	ok := found && (len(args) == 1 || got == strings.Join(args[1:], " "))
	if ok == neg {
		ts.Fatalf("%s is %s (found: %v)", args[0], got, found)
	}
}

// cmdHold starts a process that holds the lock of a database until the end of the script.
func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hold-db FILE")
	}
	path, err := exec.LookPath("hold")
	ts.Check(err)
	cmd := exec.Command(path, ts.MkAbs(args[0]))
	in, err := cmd.StdinPipe()
	ts.Check(err)
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		in.Close()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		ts.Fatalf("hold: %q, %v", line, err)
	}
}

// hold is the process of cmdHold.
func hold() {
	d, err := db.Open(os.Args[1], dbtest.HashEncoder(dbtest.Dim), nil)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = d.Close()
}

// cmdHandbook copies the sample documents into the folder handbook.
func cmdHandbook(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.CopyFS(ts.MkAbs("handbook"), os.DirFS(handbookDir)))
}

// handbookDir is where the sample documents are.
var handbookDir, _ = filepath.Abs("../../examples/handbook")

// fixturesDir is where small checkpoints with random weights are.
var fixturesDir, _ = filepath.Abs("../../encoder/transformer/testdata")

// cmdSamples copies files of many formats into a folder: samples DIR.
func cmdSamples(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), os.DirFS(samplesDir)))
}

var samplesDir, _ = filepath.Abs("../../internal/extract/testdata/files")

// cmdHostile writes files that are out to harm their reader, those that are quickly read: hostile DIR.
func cmdHostile(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	for name, data := range extracttest.Hostile() {
		if (len(data) < 50_000 || strings.HasSuffix(name, ".pdf")) && name != "xref-loop.pdf" && name != "bomb.pdf" && name != "overlap.zip" {
			ts.Check(os.WriteFile(filepath.Join(dir, name), data, 0o666))
		}
	}
}

// cmdUTF16 writes a text in UTF-16 with a byte order mark: utf16 FILE TEXT.
func cmdUTF16(ts *testscript.TestScript, neg bool, args []string) {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(args[1])) {
		b = append(b, byte(u), byte(u>>8))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
}

// cmdRepeat writes a text many times: repeat FILE COUNT TEXT. \n, \0 and \xff in the text are bytes.
func cmdRepeat(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := strings.NewReplacer(`\n`, "\n", `\0`, "\x00", `\xff`, "\xff", `\e`, "\x1b", `\r`, "\r").Replace(args[2])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(text, n)), 0o666))
}

// cmdDamage changes every byte of a text in a file: damage FILE TEXT.
func cmdDamage(ts *testscript.TestScript, neg bool, args []string) {
	data := []byte(ts.ReadFile(args[0]))
	if !strings.Contains(string(data), args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	data = []byte(strings.ReplaceAll(string(data), args[1], strings.Repeat("#", len(args[1]))))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

// modelsDir holds the folders of the models inside the program.
var modelsDir, _ = filepath.Abs("../../defaultmodel")

// scriptsDir holds the scripts of the repository.
var scriptsDir, _ = filepath.Abs("../../scripts")
