# Counts and strings in associative arrays; output in a fixed order.
BEGIN {
	for (i = 0; i < n; i++) {
		x = (x * 1103515245 + 12345) % 2147483648
		count[x % 97]++
		if (i % 1000 == 0)
			text = substr(text x, 1, 4000)
	}
	for (k = 0; k < 97; k++)
		printf "%d %d\n", k, count[k]
	print length(text), substr(text, 1, 60)
	print sum(1000) > "awk.out"
}
function sum(m,  s, j) { for (j = 1; j <= m; j++) s += 1 / j; return s }
