// Goroutines, channels, timers, child processes, signals and a server.
package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	scale, _ := strconv.Atoi(os.Args[1])
	pipeline(scale)
	children(scale)
	signals(20 * scale)
	serve(50 * scale)
	defer fmt.Println("deferred")
	defer func() {
		fmt.Println("recovered:", recover())
		os.Exit(3)
	}()
	var none *int
	*none = 1
}

func pipeline(scale int) {
	numbers, sums := make(chan int), make(chan [32]byte, 10)
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := range numbers {
				sum := sha256.Sum256([]byte(strconv.Itoa(n)))
				for range 50 {
					sum = sha256.Sum256(sum[:])
					runtime.Gosched()
				}
				sums <- sum
			}
		}()
	}
	go func() {
		for i := range 500 * scale {
			numbers <- i
		}
		close(numbers)
		group.Wait()
		close(sums)
	}()
	var all [32]byte
	for s := range sums {
		for i := range all {
			all[i] ^= s[i]
		}
	}
	runtime.GC()
	timer, ticker := time.After(50*time.Millisecond), time.NewTicker(5*time.Millisecond)
	ticks := 0
	for waiting := true; waiting; {
		select {
		case <-ticker.C:
			ticks++
		case <-timer:
			waiting = false
		}
	}
	fmt.Printf("%x %v\n", all, ticks > 0)
}

func children(scale int) {
	var group sync.WaitGroup
	results := make([]string, 6*scale)
	for i := range results {
		group.Add(1)
		go func() {
			defer group.Done()
			c := exec.Command("sh", "-c", "cat; exit "+strconv.Itoa(i%5))
			c.Stdin = strings.NewReader(strings.Repeat("x", 1000*i))
			out, err := c.Output()
			results[i] = fmt.Sprint(len(out), " ", err)
		}()
	}
	group.Wait()
	fmt.Println(strings.Join(results, ", "))
	c := exec.Command("sleep", "60")
	if err := c.Start(); err != nil {
		fmt.Println(err)
	}
	c.Process.Signal(syscall.SIGTERM)
	fmt.Println(c.Wait())
	_, err := exec.Command("./nonexistent").Output()
	fmt.Println(errors.Is(err, os.ErrNotExist))
}

func signals(count int) {
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR1, syscall.SIGHUP)
	for i := range count {
		want := []syscall.Signal{syscall.SIGUSR1, syscall.SIGHUP}[i%2]
		syscall.Kill(os.Getpid(), want)
		if s := <-got; s != want {
			fmt.Println("got", s, "instead of", want)
		}
	}
	signal.Stop(got)
	fmt.Println("signals", count)
}

func serve(count int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for in := bufio.NewScanner(c); in.Scan(); {
					fmt.Fprintln(c, strings.ToUpper(in.Text()))
				}
			}()
		}
	}()
	var group sync.WaitGroup
	for n := range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				fmt.Println(err)
				return
			}
			defer c.Close()
			answers := bufio.NewReader(c)
			for i := range count {
				fmt.Fprintf(c, "line %d %d\n", n, i)
				if got, _ := answers.ReadString('\n'); got != fmt.Sprintf("LINE %d %d\n", n, i) {
					fmt.Printf("wrong: %q\n", got)
				}
			}
			c.(*net.TCPConn).SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if _, err := answers.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
				fmt.Println(err)
			}
		}()
	}
	group.Wait()
	l.Close()
	fmt.Println("served", 4*count)
}
