//go:build !go1.21

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"time"
)

// newLogger is for Go before 1.21, which has no log/slog: the same lines with package log and encoding/json.
func newLogger(writer io.Writer, text bool) func(message string, args ...any) {
	if text {
		plain := log.New(writer, "", log.LstdFlags|log.LUTC)
		return func(message string, args ...any) {
			for i := 0; i+1 < len(args); i += 2 {
				message += fmt.Sprintf(" %v=%q", args[i], fmt.Sprint(args[i+1]))
			}
			plain.Print(message)
		}
	}
	return func(message string, args ...any) {
		record := map[string]any{"time": time.Now(), "level": "INFO", "msg": message}
		for i := 0; i+1 < len(args); i += 2 {
			record[fmt.Sprint(args[i])] = args[i+1]
		}
		line, _ := json.Marshal(record) // A json.Encoder would write nothing more after the first error.
		_, _ = writer.Write(append(line, '\n'))
	}
}
