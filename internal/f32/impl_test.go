package f32

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestRequired proves which code ran: with SEMSEARCH_SIMD_REQUIRE=avx512 the test run
// fails unless that implementation was chosen.
func TestRequired(t *testing.T) {
	t.Logf("implementation %s of %v", Impl(), available())
	if want := os.Getenv("SEMSEARCH_SIMD_REQUIRE"); want != "" && Impl() != canonical(want) {
		t.Fatalf("implementation is %s, want %s", Impl(), canonical(want))
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name string
		have []impl
		want impl
	}{
		{"", []impl{generic, avx2, avx512}, avx512},
		{"avx2", []impl{generic, avx2, avx512}, avx2},
		{"generic", []impl{generic, avx2, avx512}, generic},
		{"avx512", []impl{generic, avx2}, avx2},
		{"vnni", []impl{generic, avx2, avx512}, avx512},
		{"neon", []impl{generic}, generic},
	} {
		if got := choose(c.name, c.have); got != c.want {
			t.Errorf("choose(%q, %v) = %v, want %v", c.name, c.have, got, c.want)
		}
	}
}

// TestEnvironment runs this test binary again under each name.
func TestEnvironment(t *testing.T) {
	for _, im := range available() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestRequired$")
		cmd.Env = append(os.Environ(), "SEMSEARCH_SIMD="+im.String(), "SEMSEARCH_SIMD_REQUIRE="+im.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("SEMSEARCH_SIMD=%s: %v\n%s", im, err, out)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRequired$")
	cmd.Env = append(os.Environ(), "SEMSEARCH_SIMD_REQUIRE=none")
	if err := cmd.Run(); err == nil {
		t.Error("a requirement that nothing meets did not fail")
	}
}

// TestGenerated makes the assembly again and compares. It runs only when
// SEMSEARCH_REGENERATE is set, since the generator is a module of its own.
func TestGenerated(t *testing.T) {
	if os.Getenv("SEMSEARCH_REGENERATE") == "" {
		t.Skip("SEMSEARCH_REGENERATE is not set")
	}
	dir := t.TempDir()
	cmd := exec.Command("go", "run", ".", "-pkg", "f32", "-out", filepath.Join(dir, "kernels_amd64.s"), "-stubs", filepath.Join(dir, "stubs_amd64.go"))
	cmd.Dir = "_asm"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"kernels_amd64.s", "stubs_amd64.go"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// The first line holds the command with its paths.
		if _, got, _ = bytes.Cut(got, []byte("\n")); len(got) == 0 {
			t.Fatalf("%s: the generator wrote nothing", name)
		}
		if _, want, _ = bytes.Cut(want, []byte("\n")); !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes: run go generate", name)
		}
	}
}
