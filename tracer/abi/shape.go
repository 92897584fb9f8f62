package abi

import "fmt"

// Kind is what an argument of a system call is.
type Kind uint8

// The kinds of arguments. Only Value is no pointer.
const (
	None    Kind = iota // the call does not look at it
	Value               // a number: descriptor, flags, length, identity
	String              // a NUL-terminated string of Size bytes at most, read
	Struct              // Size bytes
	Buffer              // as many elements of Size bytes as argument Len says
	Special             // shaped by more than that; see the argument's Type
)

// Width says how the kernel reads the argument that holds a length.
type Width uint8

// The widths of a length.
const (
	Wide   Width = iota // size_t; MaxRW at most
	Uint                // unsigned int: the upper half of the register is ignored
	Signed              // int; the kernel refuses a negative one before it looks at memory
)

// Arg is the shape of one argument.
type Arg struct {
	Name  string // as in the man page
	Type  string // for Special: what it points to, in words
	Kind  Kind
	Dir   Dir
	Width Width
	Len   uint8   // for Buffer and Special: the argument that holds the number of elements
	Size  uint32  // bytes: of a Struct, of an element of a Buffer, of the longest String with its NUL
	Out   OutKind // how much of it comes back
	Plus  uint32  // for Buffer: bytes in front of the elements
	Soft  bool    // the kernel does not mind if it cannot write it
	plan  func(p *planner, arg int)
}

// val is a number.
func val(name string) Arg { return Arg{Name: name, Kind: Value} }

// in is a struct that the kernel reads.
func in(name string, size uint32) Arg {
	return Arg{Name: name, Kind: Struct, Dir: In, Size: size}
}

// out is a struct that the kernel writes whole whenever the call succeeds.
func out(name string, size uint32) Arg {
	return Arg{Name: name, Kind: Struct, Dir: Out, Size: size, Out: OutAll}
}

// inout is a struct that the kernel reads and writes, or writes in part or not
// always. Because it travels both ways, what the kernel leaves alone comes back
// unchanged; so it comes back always, also from a call that fails.
func inout(name string, size uint32) Arg {
	return Arg{Name: name, Kind: Struct, Dir: InOut, Size: size, Out: OutAlways}
}

// soft is an inout whose failing write does not fail the call.
func (a Arg) soft() Arg { a.Soft = true; return a }

// u32 and i32 say how the kernel reads the length.
func (a Arg) u32() Arg { a.Width = Uint; return a }
func (a Arg) i32() Arg { a.Width = Signed; return a }

// plus puts a fixed number of bytes in front of a buffer's elements.
func (a Arg) plus(n uint32) Arg { a.Plus = n; return a }

// path is a path name (PATH_MAX with its NUL).
func path(name string) Arg { return str(name, 4096) }

// str is a string of at most max bytes with its NUL.
func str(name string, max uint32) Arg {
	return Arg{Name: name, Kind: String, Dir: In, Size: max}
}

// inBuf is args[length] elements of size bytes that the kernel reads.
func inBuf(name string, length uint8, size uint32) Arg {
	return Arg{Name: name, Kind: Buffer, Dir: In, Len: length, Size: size}
}

// outBuf is room for args[length] elements of size bytes; the result says how
// many were written.
func outBuf(name string, length uint8, size uint32) Arg {
	return Arg{Name: name, Kind: Buffer, Dir: Out, Len: length, Size: size, Out: OutRet}
}

// wholeBuf is an array that the kernel reads and writes in place.
func wholeBuf(name string, length uint8, size uint32) Arg {
	return Arg{Name: name, Kind: Buffer, Dir: InOut, Len: length, Size: size, Out: OutAlways}
}

// special is an argument that plan shapes; length is the argument that it needs
// for that, if any.
func special(name, typ string, dir Dir, length uint8, plan func(*planner, int)) Arg {
	return Arg{Name: name, Type: typ, Kind: Special, Dir: dir, Len: length, plan: plan}
}

// String says in a word or two what a tells the kernel.
func (a Arg) String() string {
	switch a.Kind {
	case Value:
		return a.Name
	case String:
		return a.Name + ":string"
	case Struct:
		return fmt.Sprintf("%s:%s[%d]", a.Name, a.Dir, a.Size)
	case Buffer:
		if a.Size == 1 {
			return fmt.Sprintf("%s:%s[#%d]", a.Name, a.Dir, a.Len+1)
		}
		return fmt.Sprintf("%s:%s[#%d*%d]", a.Name, a.Dir, a.Len+1, a.Size)
	case Special:
		return fmt.Sprintf("%s:%s %s", a.Name, a.Dir, a.Type)
	}
	return "-"
}

// String is "in", "out" or "inout".
func (d Dir) String() string {
	switch d {
	case In:
		return "in"
	case Out:
		return "out"
	case InOut:
		return "inout"
	}
	return "none"
}
