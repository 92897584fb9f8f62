package wire

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// PROTOCOL.md has a row for every type of frame, and it agrees with the code in
// number, name, way, body and payload.
func TestProtocolTable(t *testing.T) {
	table := protocolRows(t)
	for n := range 256 {
		typ := Type(n)
		cells, found := table[n]
		if !typ.Known() {
			if found {
				t.Errorf("PROTOCOL.md has a frame %d that the code has not", n)
			}
			continue
		}
		if !found {
			t.Errorf("PROTOCOL.md has no row for %s (%d)", typ, n)
			continue
		}
		if cells[1] != typ.String() || cells[2] != typ.Way().String() || !strings.HasPrefix(cells[3], bodyName(typ)) ||
			(bodyName(typ) == "") != (cells[3] == "") || (cells[4] != "") != rows[n].payload {
			t.Errorf("row %q does not describe %s, %s, %s, payload %t", cells, typ, typ.Way(), bodyName(typ), rows[n].payload)
		}
	}
}

// protocolRows reads the table of messages, by number.
func protocolRows(t *testing.T) map[int][]string {
	table := map[int][]string{}
	for line := range strings.Lines(protocolText(t)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if n, err := strconv.Atoi(cells[0]); err == nil && len(cells) == 6 {
			table[n] = cells
		}
	}
	return table
}

func protocolText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bodyName is the type of the message as a reader of this package would write it.
func bodyName(typ Type) string {
	if rows[typ].body == nil {
		return ""
	}
	return strings.TrimPrefix(rows[typ].body.String(), "wire.")
}

// The limits in PROTOCOL.md are those of the code.
func TestProtocolLimits(t *testing.T) {
	text := protocolText(t)
	for _, want := range []string{
		fmt.Sprintf("| frame | %d MiB, at least the header of %d bytes |", MaxFrame>>20, HeaderLen),
		fmt.Sprintf("| body of image | %d MiB |", maxImageBody>>20),
		fmt.Sprintf("| body of call, tell and reply | %d MiB, %d regions |", maxCallBody>>20, abi.MaxRegions),
		fmt.Sprintf("| other bodies | %d KiB |", maxSmallBody>>10),
		fmt.Sprintf("| pages in a batch | %d |", image.BatchPages),
		fmt.Sprintf("| %d KiB and %d bytes for each byte of its body |", budgetBase>>10, budgetPerByte),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("PROTOCOL.md does not say %q", want)
		}
	}
}

// Every constant of type Type has its row in the table of types: who adds one
// cannot forget it.
func TestEveryTypeIsDescribed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "messages.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Type") || len(spec.Values) != 1 {
			return true
		}
		number, err := strconv.Atoi(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil || !Type(number).Known() {
			t.Errorf("%s is not in the table of types", spec.Names[0].Name)
		}
		found++
		return true
	})
	if known := len(samples()); found != known {
		t.Errorf("%d constants, %d samples", found, known)
	}
}
