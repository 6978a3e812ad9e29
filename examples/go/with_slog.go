//go:build go1.21

package main

import (
	"io"
	"log/slog"
)

// newLogger gives the Info method of a logger that writes one line for each record.
func newLogger(writer io.Writer, text bool) func(message string, args ...any) {
	if text {
		return slog.New(slog.NewTextHandler(writer, nil)).Info
	}
	return slog.New(slog.NewJSONHandler(writer, nil)).Info
}
