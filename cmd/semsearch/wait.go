package main

import (
	"errors"
	"time"
)

// wait is the value of --wait: how long to wait for another process that holds the database.
type wait time.Duration

const defaultWait = wait(5 * time.Second)

func (w *wait) String() string { return time.Duration(*w).String() }
func (w *wait) Type() string   { return "DURATION" }
func (w *wait) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return errors.New("want a time such as 30s or 5m")
	}
	*w = wait(d)
	return nil
}

// timeout is what db.Options.Timeout calls it, where 0 is the default.
func (w wait) timeout() time.Duration {
	if w <= 0 {
		return -1
	}
	return time.Duration(w)
}
