package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/semsearch/semsearch/internal/hub"
)

func ExampleParseRef() {
	ref, err := hub.ParseRef("org/name@v1.0")
	fmt.Println(ref.Name, ref.Revision, err)
	_, err = hub.ParseRef("../name")
	fmt.Println(err)
	// Output:
	// org/name v1.0 <nil>
	// "../name": not a name of a model: begins or ends with '-' or '.'
}

func ExampleCache_Find() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	_, err = hub.Cache{Dir: dir}.Find(hub.Ref{Name: "org/name"})
	fmt.Println(err, errors.Is(err, hub.ErrNotPulled))
	// Output: org/name: model has not been pulled true
}

func ExampleClient_Pull() {
	os.Setenv("HF_HUB_OFFLINE", "1")
	defer os.Unsetenv("HF_HUB_OFFLINE")
	cache, err := hub.DefaultCache()
	if err != nil {
		log.Fatal(err)
	}
	c := hub.Client{Cache: cache}
	_, err = c.Pull(context.Background(), hub.Ref{Name: "org/name"})
	fmt.Println(err)
	// Output: org/name: offline: HF_HUB_OFFLINE is set
}
