package kafkatest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
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

// TestMissing wants a machine without Java or Maven to be told what to install.
func TestMissing(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	for _, tool := range []struct{ name, want string }{
		{"java", "no java for a Kafka broker: install default-jre-headless (Java 17 or later)" +
			" and maven"},
		{"mvn", "no mvn to fetch Kafka: install maven"},
	} {
		if got := missing(); got != tool.want {
			t.Errorf("without %s: %q, want %q", tool.name, got, tool.want)
		}
		if err := os.WriteFile(filepath.Join(bin, tool.name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if got := missing(); got != "" {
		t.Errorf("with both: %q", got)
	}
}

// TestOptions wants what makes no sense to be refused before anything is started.
func TestOptions(t *testing.T) {
	for _, o := range []Options{
		{Brokers: 2}, {Authorizer: true}, {Users: map[string]string{"a": "b"}},
	} {
		if _, err := o.check(); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// TestPrefix wants names that Kafka takes for topics, and another one each time.
func TestPrefix(t *testing.T) {
	t.Run("Ünlikely/name_"+strings.Repeat("long", 100), func(t *testing.T) {
		a, b := Prefix(t), Prefix(t)
		if a == b || !regexp.MustCompile(`^testprefix-[a-z0-9-]{1,80}-$`).MatchString(a) {
			t.Errorf("%q and %q", a, b)
		}
	})
}
