// Package bench owns the measurements that the README promises: costs of the product
// as ratios to doing the same without it, each the median of paired runs.
package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// pairs is how often each pair of runs is made.
const pairs = 7

// paired runs a and b in turn (A B A B …), after one of each that is not counted,
// and returns the medians of a, of b, and of the ratios b/a of the pairs.
func paired(b *testing.B, without, with func() time.Duration) (base, product time.Duration, ratio float64) {
	b.Helper()
	without()
	with()
	var bases, products []time.Duration
	var ratios []float64
	for range pairs {
		a, p := without(), with()
		bases, products = append(bases, a), append(products, p)
		ratios = append(ratios, float64(p)/float64(a))
	}
	return median(bases), median(products), median(ratios)
}

func median[T int | int64 | float64 | time.Duration](list []T) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// report prints one line of the table and gives the numbers to the benchmark.
func report(b *testing.B, goal string, base, product time.Duration, ratio float64) {
	b.ReportMetric(ratio, "ratio")
	b.ReportMetric(0, "ns/op")
	fmt.Printf("\n# %-40s %10v without, %10v with: ratio %.3f (goal %s)\n", b.Name(), round(base), round(product), ratio, goal)
}

// round keeps four digits.
func round(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 10000 {
		unit *= 10
	}
	return d.Round(unit)
}
