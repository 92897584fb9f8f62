package equivalence

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
)

//go:embed testdata
var scripts embed.FS

// realJobs are programs as users have them, sized by scale: with 1 the most take
// 0.3 to 0.7 s on a machine of 2024.
func realJobs(scale int) []job {
	text, sound := textFile(3*scale<<20), soundFile(24*scale)
	n := func(base int) string { return fmt.Sprint(base * scale) }
	return []job{
		{name: "awk", args: []string{"gawk", "-v", "n=" + n(1000000), "-f", "job.awk"}, setup: files("job.awk", nil)},
		{name: "gzip", args: []string{"gzip", "-9", "-n", "-k", "text"}, setup: files("", content{"text": text})},
		// A script that execs gzip: it may be at home just then, or over.
		{name: "gunzip", args: []string{"gunzip", "-k", "packed.gz"}, setup: files("", content{"packed.gz": packed(textFile(scale << 24))}), stays: true},
		{name: "unpack", args: []string{"gzip", "-d", "-k", "packed.gz"}, setup: files("", content{"packed.gz": packed(textFile(scale << 24))})},
		{name: "xz", args: []string{"xz", "-6", "-k", "-T1", "text"}, setup: files("", content{"text": text[:len(text)/8]})},
		{name: "flac", args: []string{"flac", "-8", "-s", "sound.wav"}, setup: files("", content{"sound.wav": sound})},
		{name: "python", args: []string{"/usr/bin/python3", "job.py", n(4)}, setup: files("job.py", nil)},
		{name: "python-threads", args: []string{"/usr/bin/python3", "threads.py", n(200)}, setup: files("threads.py", nil)},
		{name: "xz-threads", args: []string{"xz", "-2", "-k", "-T2", "--block-size=250000", "text"}, setup: files("", content{"text": text[:len(text)/3]})},
		{name: "sqlite", args: []string{"sqlite3", "-cmd", ".param set :n " + n(60000), "data.db", ".read job.sql"}, setup: files("job.sql", nil)},
		// Its log in shared memory may pin it.
		{name: "sqlite-wal", args: []string{"sqlite3", "-cmd", ".param set :n " + n(20000), "-cmd", "PRAGMA journal_mode = WAL", "data.db", ".read job.sql"}, setup: files("job.sql", nil), stays: true},
		{name: "perl", args: []string{"perl", "job.pl", n(250000)}, setup: files("job.pl", nil)},
		{name: "sort", args: []string{"sort", "--parallel=1", "-o", "sorted", "text"}, setup: files("", content{"text": textFile(3 * scale << 21)})},
		{name: "shell", args: []string{"sh", "job.sh", n(40)}, setup: files("job.sh", nil), stays: true},
		{name: "substitution", args: []string{"bash", "substitution.sh", n(60)}, setup: files("substitution.sh", nil), stays: true},
		{name: "pipeline", script: "cat text | $A sort --parallel=1 | $B uniq -c", setup: files("", content{"text": words(textFile(3 * scale << 20))}), stays: true},
	}
}

type content map[string][]byte

// files makes a setup that writes a script of testdata (if named) and generated
// files.
func files(script string, generated content) func(string) error {
	return func(dir string) error {
		if script != "" {
			data, err := scripts.ReadFile("testdata/" + script)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, script), data, 0o644); err != nil {
				return err
			}
		}
		for name, data := range generated {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				return err
			}
		}
		return nil
	}
}

// source gives the same bytes in every run: inputs are data, not chance.
func source() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// textFile is about size bytes of lines of words of a small vocabulary.
func textFile(size int) []byte {
	r := source()
	vocabulary := make([]string, 2000)
	for i := range vocabulary {
		letters := make([]byte, 2+r.IntN(9))
		for k := range letters {
			letters[k] = byte('a' + r.IntN(26))
		}
		vocabulary[i] = string(letters)
	}
	var b bytes.Buffer
	for b.Len() < size {
		for range 5 + r.IntN(8) {
			b.WriteString(vocabulary[int(math.Pow(r.Float64(), 3)*float64(len(vocabulary)))])
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d\n", r.IntN(1000))
	}
	return b.Bytes()
}

// words is text with one word a line.
func words(text []byte) []byte { return bytes.ReplaceAll(text, []byte(" "), []byte("\n")) }

func packed(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data) // a bytes.Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// soundFile is a WAV file: two channels of 16 bits at 44.1 kHz, tones and noise.
func soundFile(seconds int) []byte {
	const rate = 44100
	r := source()
	samples := make([]int16, 0, 2*rate*seconds)
	for i := range rate * seconds {
		t := float64(i) / rate
		tone := 9000*math.Sin(2*math.Pi*440*t) + 4000*math.Sin(2*math.Pi*(100+50*t)*t)
		samples = append(samples, int16(tone)+int16(r.IntN(800)), int16(tone/2)+int16(r.IntN(500)))
	}
	var b bytes.Buffer
	size := uint32(4 * rate * seconds)
	b.WriteString("RIFF")
	write := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	write(size + 36)
	b.WriteString("WAVEfmt ")
	write([]uint32{16, 2<<16 | 1, rate, 4 * rate, 16<<16 | 4})
	b.WriteString("data")
	write(size)
	write(samples)
	return b.Bytes()
}
