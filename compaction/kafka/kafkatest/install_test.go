package kafkatest

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestInstall makes ready what brokers are made of, the first time, and says what that is. It runs
// before all other tests that want brokers, so that its time is not taken for theirs.
func TestInstall(t *testing.T) {
	Require(t)
	began := time.Now()
	k, err := install()
	if err != nil {
		t.Fatal(err)
	}
	jars, err := filepath.Glob(filepath.Join(k.home, "lib", "kafka_*.jar"))
	if err != nil || len(jars) != 1 {
		t.Fatalf("jars of Kafka: %v, %v", jars, err)
	}
	version, err := exec.Command(k.java, "-version").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, version)
	}
	t.Logf("%s, ready in %v, on\n%s", filepath.Base(jars[0]), time.Since(began), version)
}
