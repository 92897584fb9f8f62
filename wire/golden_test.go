package wire

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Frames on the wire are what they were: a node of yesterday reads them. A change
// here means a new Protocol.
func TestGolden(t *testing.T) {
	seen := map[Type]bool{}
	for _, s := range samples() {
		seen[s.h.Type] = true
		t.Run(s.h.Type.String(), func(t *testing.T) {
			got := Print(s.h, s.body) + "\n" + hex.Dump(s.frame(t))
			path := filepath.Join("testdata", s.h.Type.String()+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("frame differs from %s (go test -update writes it anew); it is now\n%s", path, got)
			}
		})
	}
	for n := range 256 {
		if typ := Type(n); typ.Known() && !seen[typ] {
			t.Errorf("no sample of %s", typ)
		}
	}
}
