package wire

import "reflect"

// A decoded message may take this much memory: a part of its own, and some more
// for each byte that the peer really sent. Without it a few bytes that claim a
// million empty elements would cost hundreds of megabytes.
const (
	budgetBase    = 64 << 10
	budgetPerByte = 16
)

// checker walks a body along the type that it shall become, before the msgpack
// library decodes it by reflection: every struct has exactly its fields, every
// number fits, every list has the elements that it claims, nothing is left over,
// and the whole fits the memory budget. Structs are arrays of their fields.
type checker struct {
	unpacker
	budget int
}

// checkBody says whether body is a t and nothing else.
func checkBody(t reflect.Type, body []byte) error {
	c := checker{unpacker{rest: body}, budgetBase + budgetPerByte*len(body)}
	c.value(t)
	return c.end()
}

// spend takes n values of type t out of the budget.
func (c *checker) spend(n int, t reflect.Type) {
	if size := int(t.Size()); size > 0 && n > c.budget/size {
		c.fail()
		return
	}
	c.budget -= n * int(t.Size())
}

func (c *checker) value(t reflect.Type) {
	switch t.Kind() {
	case reflect.Struct:
		c.fields(t.NumField())
		for i := range t.NumField() {
			c.value(t.Field(i).Type)
		}
	case reflect.Slice, reflect.Array:
		c.list(t)
	case reflect.String:
		c.budget -= len(c.str())
	case reflect.Bool:
		c.bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if t.OverflowInt(c.int()) {
			c.fail()
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if t.OverflowUint(c.uint()) {
			c.fail()
		}
	default:
		panic("wire: a message has a field of type " + t.String() + ", which frames cannot carry")
	}
}

// list checks a slice (nil, bytes or elements) or an array (bytes or elements).
func (c *checker) list(t reflect.Type) {
	if t.Kind() == reflect.Slice && c.isNil() {
		return
	}
	n := 0
	isBytes := t.Elem().Kind() == reflect.Uint8
	if isBytes {
		n = len(c.bytes())
	} else {
		n = c.array()
	}
	if t.Kind() == reflect.Array && n != t.Len() {
		c.fail()
	}
	if t.Kind() == reflect.Slice {
		c.spend(n, t.Elem())
	}
	for i := 0; i < n && !isBytes && !c.bad; i++ {
		c.value(t.Elem())
	}
}
