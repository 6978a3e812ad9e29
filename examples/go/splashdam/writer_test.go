package splashdam

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	_ = os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func accept(t *testing.T, listener net.Listener) (net.Conn, *bufio.Scanner) {
	t.Helper()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	scanner := bufio.NewScanner(conn)
	scanner.Buffer(nil, 1<<20)
	return conn, scanner
}

func write(t *testing.T, writer *Writer, line string) {
	t.Helper()
	if _, err := writer.Write([]byte(line + "\n")); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, scanner *bufio.Scanner, line string) {
	t.Helper()
	if !scanner.Scan() || scanner.Text() != line {
		t.Fatalf("got %.80q, not %.80q", scanner.Text(), line)
	}
}

func TestALineThatNobodyTakesIsCountedAndTheNextSidecarIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	writer := New(path)
	if _, err := writer.Write([]byte("lost\n")); !errors.Is(err, ErrAway) || writer.Lost() != 1 {
		t.Fatalf("%v, lost %d", err, writer.Lost())
	}
	first := listen(t, path)
	writer.retryAt = time.Time{} // As if the backoff had passed.
	write(t, writer, "one")
	conn, scanner := accept(t, first)
	expect(t, scanner, "one")
	conn.Close()
	first.Close()
	// The same line finds that the old one is gone and goes to the new one.
	second := listen(t, path)
	write(t, writer, "two")
	_, scanner = accept(t, second)
	expect(t, scanner, "two")
	if writer.Lost() != 1 {
		t.Fatalf("lost %d", writer.Lost())
	}
}

func TestASidecarThatDoesNotReadBlocksNobodyAndNoLineIsTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener := listen(t, path)
	writer := New(path)
	tail := strings.Repeat("x", 100_000) // Longer than what the kernel takes in one piece.
	taken := []int{}
	for i := 0; writer.Lost() < 20; i++ {
		if _, err := writer.Write([]byte(fmt.Sprintf("%d %s\n", i, tail))); err == nil {
			taken = append(taken, i)
		}
	}
	if writer.rest == nil || !writer.full {
		t.Fatal("a line should have been begun and not ended")
	}
	_, scanner := accept(t, listener)
	go func() { // There is room again: the rest goes, then this.
		for _, err := writer.Write([]byte("last\n")); err != nil; _, err = writer.Write([]byte("last\n")) {
		}
	}()
	for _, i := range taken {
		expect(t, scanner, fmt.Sprintf("%d %s", i, tail))
	}
	expect(t, scanner, "last")
}
