// A Go program that logs to splashdam: `go run .` in this folder, beside a sidecar on the default socket or on the one
// that SPLASHDAM_SOCKET names. `-text` writes lines for people instead of JSON.
package main

import (
	"flag"
	"fmt"
	"os"

	"splashdam-example/splashdam"
)

func main() {
	text := flag.Bool("text", false, "lines of text instead of JSON")
	lines := flag.Int("lines", 3, "how many records")
	flag.Parse()

	writer := splashdam.New("")
	info := newLogger(writer, *text)
	for i := 1; i <= *lines; i++ {
		info("hello from Go", "number", i, "text", "two lines\nin one record")
	}
	_ = writer.Close()

	if lost := writer.Lost(); lost > 0 {
		fmt.Fprintf(os.Stderr, "%d of %d records could not be handed to the sidecar\n", lost, *lines)
		os.Exit(1)
	}
}
