package shape

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// product are the directories of the product, from the ground up.
var product = []string{"tracer", "wire", "deputy", "remote", "cmd"}

func loadAll(t *testing.T, tops ...string) []file {
	t.Helper()
	files, err := load(root, tops...)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// edges are imports that may not be, each with its reason.
var edges = []struct {
	from, to string
	except   []string
	reason   string
}{
	{"tracer", "wire", nil, "stopped processes know nothing of nodes"},
	{"tracer", "deputy", nil, "imports point down"},
	{"tracer", "remote", nil, "imports point down"},
	{"tracer/abi", "tracer/image", nil, "the words of the kernel are the ground"},
	{"wire", "tracer", []string{"tracer/abi", "tracer/image"}, "messages carry data of processes, and have no hand on them"},
	{"wire", "deputy", nil, "imports point down"},
	{"wire", "remote", nil, "imports point down"},
	{"deputy", "remote", nil, "the halves meet only on the wire"},
	{"remote", "deputy", nil, "the halves meet only on the wire"},
}

func TestImportEdges(t *testing.T) {
	for _, f := range loadAll(t, append(product, "tests")...) {
		for _, path := range f.imports {
			to, inside := strings.CutPrefix(path, module+"/")
			if !inside || f.test {
				continue
			}
			for _, e := range edges {
				if below(f.pkg, e.from) && below(to, e.to) && !slices.Contains(e.except, to) {
					t.Errorf("%s imports %s: %s", f.name, to, e.reason)
				}
			}
			if below(to, "cmd") || below(to, "tests") && !below(f.pkg, "tests") {
				t.Errorf("%s imports %s, which nothing may stand on", f.name, to)
			}
		}
	}
}

// rawPtrace are names by which ptrace(2) can be called.
var rawPtrace = func(name string) bool {
	return strings.HasPrefix(name, "Ptrace") && name != "PtraceRegs" || name == "SYS_PTRACE"
}

func TestRawPtraceOnlyInTracer(t *testing.T) {
	for _, f := range loadAll(t, product...) {
		if f.pkg == "tracer" || f.test {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && (x.Name == "unix" || x.Name == "syscall") && rawPtrace(s.Sel.Name) {
				t.Errorf("%s: %s.%s outside of tracer", f.fset.Position(s.Pos()), x.Name, s.Sel.Name)
			}
			return true
		})
	}
}

// TestCommandsHoldNoMechanism keeps the floor above from reaching past the halves
// into stopped processes.
func TestCommandsHoldNoMechanism(t *testing.T) {
	allowed := []string{module + "/tracer/abi", module + "/tracer/image", module + "/tracer"}
	for _, f := range loadAll(t, "cmd") {
		for _, path := range f.imports {
			if f.test {
				continue
			}
			if below(path, module+"/tracer") && !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s: commands wire things together", f.name, path)
			}
		}
	}
}

// TestPointersStayInTheirFiles keeps conversions of pointers findable by name.
func TestPointersStayInTheirFiles(t *testing.T) {
	for _, f := range loadAll(t, append(product, "tests")...) {
		if slices.Contains(f.imports, "unsafe") && !strings.HasSuffix(f.name, "_unsafe.go") && !f.test {
			t.Errorf("%s imports unsafe; only files named *_unsafe.go may", f.name)
		}
	}
}

func TestEveryPackageSaysWhatItOwns(t *testing.T) {
	described, seen := map[string]int{}, map[string]bool{}
	for _, f := range loadAll(t, append(product, "tests")...) {
		if f.test {
			continue
		}
		seen[f.pkg] = true
		if f.tree.Doc != nil {
			described[f.pkg]++
			if text := f.tree.Doc.Text(); !strings.HasPrefix(text, "Package "+f.tree.Name.Name+" ") && f.tree.Name.Name != "main" {
				t.Errorf("%s: its comment does not begin with %q", f.name, "Package "+f.tree.Name.Name)
			}
		}
	}
	for pkg := range seen {
		if described[pkg] != 1 {
			t.Errorf("package %s has %d package comments, want 1", pkg, described[pkg])
		}
	}
}

func TestEveryExportedNameIsDescribed(t *testing.T) {
	for _, f := range loadAll(t, append(product, "tests")...) {
		if f.test || f.tree.Name.Name == "main" {
			continue
		}
		for _, d := range f.tree.Decls {
			for _, name := range undescribed(d) {
				t.Errorf("%s: %s has no comment", f.fset.Position(name.Pos()), name.Name)
			}
		}
	}
}

// undescribed are the exported names of a declaration without a comment of their
// own or of their group.
func undescribed(d ast.Decl) (names []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && !wellKnown(d) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT {
			return nil
		}
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && (d.Doc == nil || d.Lparen.IsValid()) {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				if s.Doc != nil || s.Comment != nil || d.Doc != nil {
					continue
				}
				for _, name := range s.Names {
					if name.IsExported() {
						names = append(names, name)
					}
				}
			}
		}
	}
	return names
}

// wellKnown are methods whose contract is that of fmt or errors.
func wellKnown(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"String", "Error", "Unwrap"}, d.Name.Name)
}

// exportedReceiver tells whether a function is no method, or one of an exported
// type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	name := d.Recv.List[0].Type
	for {
		switch n := name.(type) {
		case *ast.StarExpr:
			name = n.X
		case *ast.IndexExpr:
			name = n.X
		case *ast.IndexListExpr:
			name = n.X
		case *ast.Ident:
			return n.IsExported()
		default:
			return false
		}
	}
}

// topLevel is everything that may stand at the top of the repository.
var topLevel = []string{
	".ci", ".git", ".gitignore", "LICENSE", "Makefile", "README.md", "bin", "cmd", "deputy",
	"docs", "go.mod", "go.sum", "remote", "tests", "tracer", "wire",
}

func TestTopLevelHoldsNothingElse(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s does not belong at the top", e.Name())
		}
	}
}

// TestReadmeNamesWhatIsThere checks that every target of make that the README
// mentions exists.
func TestReadmeNamesWhatIsThere(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(readme), "\n") {
		_, rest, found := strings.Cut(line, "`make ")
		if !found {
			continue
		}
		target, _, _ := strings.Cut(rest, "`")
		if !strings.Contains(string(makefile), "\n"+target+":") {
			t.Errorf("the README tells to run make %s, which is no target", target)
		}
	}
}

// TestArchitectureNamesWhatIsThere checks that every file and every function that
// docs/architecture.md names exists: `dir/file.go` and `function()`.
func TestArchitectureNamesWhatIsThere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]bool{}
	for _, f := range loadAll(t, product...) {
		for _, d := range f.tree.Decls {
			if function, ok := d.(*ast.FuncDecl); ok {
				functions[function.Name.Name] = true
			}
		}
	}
	for _, found := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(string(text), -1) {
		word := found[1]
		if name, call := strings.CutSuffix(word, "()"); call && !functions[name] {
			t.Errorf("no function is called %s", word)
		}
		if strings.Contains(word, "/") && filepath.Ext(word) != "" {
			if _, err := os.Stat(filepath.Join(root, word)); err != nil {
				t.Errorf("no file is called %s", word)
			}
		}
	}
}
