// Package shape owns the tests of the repository's form: which package may import
// which, where raw system interfaces may be used, and that everything exported is
// described.
package shape

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// module is the path of the module in go.mod.
const module = "umosix"

// file is one parsed Go file.
type file struct {
	pkg     string // directory from the top of the module
	name    string
	test    bool
	imports []string
	tree    *ast.File
	fset    *token.FileSet
}

// load parses all Go files below the given top directories.
func load(root string, tops ...string) (files []file, err error) {
	for _, top := range tops {
		dir := filepath.Join(root, top)
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			continue
		}
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			f, err := parseFile(root, path)
			files = append(files, f)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func parseFile(root, path string) (f file, err error) {
	f.fset = token.NewFileSet()
	if f.tree, err = parser.ParseFile(f.fset, path, nil, parser.ParseComments); err != nil {
		return f, err
	}
	relative, err := filepath.Rel(root, path)
	if err != nil {
		return f, err
	}
	f.pkg, f.name = filepath.ToSlash(filepath.Dir(relative)), filepath.ToSlash(relative)
	f.test = strings.HasSuffix(path, "_test.go")
	for _, i := range f.tree.Imports {
		name, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return f, err
		}
		f.imports = append(f.imports, name)
	}
	return f, nil
}

// below tells whether a package is pkg or in a directory below it.
func below(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }
