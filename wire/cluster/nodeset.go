package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"umosix/wire"
)

// Ranges is a set of numbers, written as "1,4-7": ascending, neither overlapping
// nor touching. The zero value is empty.
type Ranges []Range

// Range is every number from From to To.
type Range struct{ From, To uint32 }

// NodeSet is a set of nodes.
type NodeSet struct{ Ranges }

// ParseNodes reads a list of nodes, such as "1,4-7".
func ParseNodes(text string) (NodeSet, error) {
	r, err := parseRanges(text, 1, 65535)
	if err != nil {
		return NodeSet{}, fmt.Errorf("bad list of nodes %.60q: %w (as in 1,4-7)", text, err)
	}
	return NodeSet{r}, nil
}

// Contains says whether the node is in the set.
func (s NodeSet) Contains(node wire.NodeID) bool { return s.Ranges.Contains(uint32(node)) }

// Nodes are the members, ascending.
func (s NodeSet) Nodes() []wire.NodeID {
	var nodes []wire.NodeID
	for _, r := range s.Ranges {
		for n := r.From; n <= r.To; n++ {
			nodes = append(nodes, wire.NodeID(n))
		}
	}
	return nodes
}

// with is the union.
func (s NodeSet) with(other NodeSet) NodeSet { return NodeSet{s.Ranges.with(other.Ranges)} }

// parseRanges reads numbers and ranges between commas, each from least to most.
func parseRanges(text string, least, most uint32) (Ranges, error) {
	var all Ranges
	for word := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(word, "-")
		if !isRange {
			high = low
		}
		from, err1 := strconv.ParseUint(low, 10, 32)
		to, err2 := strconv.ParseUint(high, 10, 32)
		switch {
		case err1 != nil || err2 != nil:
			return nil, fmt.Errorf("%.20q is neither a number nor a range", word)
		case from < uint64(least) || to > uint64(most):
			return nil, fmt.Errorf("%.20q is not within %d to %d", word, least, most)
		case from > to:
			return nil, errors.New("a range counts up")
		}
		all = append(all, Range{uint32(from), uint32(to)})
	}
	return all.normal(), nil
}

// normal sorts and joins what overlaps or touches.
func (r Ranges) normal() Ranges {
	slices.SortFunc(r, func(a, b Range) int { return int(int64(a.From) - int64(b.From)) })
	var out Ranges
	for _, next := range r {
		if n := len(out); n > 0 && uint64(next.From) <= uint64(out[n-1].To)+1 {
			out[n-1].To = max(out[n-1].To, next.To)
			continue
		}
		out = append(out, next)
	}
	return out
}

func (r Ranges) with(other Ranges) Ranges { return slices.Concat(r, other).normal() }

// Contains says whether the number is in the set.
func (r Ranges) Contains(n uint32) bool {
	_, found := slices.BinarySearchFunc(r, n, func(each Range, n uint32) int {
		switch {
		case each.To < n:
			return -1
		case each.From > n:
			return 1
		}
		return 0
	})
	return found
}

// Empty says whether nothing is in the set.
func (r Ranges) Empty() bool { return len(r) == 0 }

// String prints the set in the way that it is written.
func (r Ranges) String() string {
	var words []string
	for _, each := range r {
		word := strconv.FormatUint(uint64(each.From), 10)
		if each.To != each.From {
			word += "-" + strconv.FormatUint(uint64(each.To), 10)
		}
		words = append(words, word)
	}
	return strings.Join(words, ",")
}
