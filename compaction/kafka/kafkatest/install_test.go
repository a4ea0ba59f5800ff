package kafkatest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
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
	want, err := version()
	if name := filepath.Base(jars[0]); err != nil || !strings.HasSuffix(name, "-"+want+".jar") {
		t.Errorf("there is %s, want %s, %v", name, want, err)
	}
	java, err := exec.Command(k.java, "-version").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, java)
	}
	t.Logf("%s, ready in %v, on\n%s", filepath.Base(jars[0]), time.Since(began), java)
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

// TestVersion wants the version that was asked for to be fetched, in the place of each that the
// project file names, and into a folder of its own: a test that ran on another would prove nothing
// of it. What is no version is refused, since it would become part of a folder's name.
func TestVersion(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv(VersionVariable, "")
	usual, err := cache()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(VersionVariable, "4.0.1")
	other, err := cache()
	if err != nil || other == usual || !strings.HasPrefix(filepath.Base(other), "kafka-4.0.1-") {
		t.Errorf("%s and %s, %v", other, usual, err)
	}
	text := string(project("4.0.1"))
	if strings.Contains(text, defaultVersion) || strings.Count(text, ">4.0.1<") != 2 {
		t.Errorf("Maven is told\n%s", text)
	}
	for _, v := range []string{"4", "4.1", "../4.1.1", "4.1.1/..", "latest", "4.1.1 "} {
		t.Setenv(VersionVariable, v)
		if got, err := cache(); err == nil {
			t.Errorf("%q: %s", v, got)
		}
	}
}

// A verdict is a test that only tells how it ended.
type verdict struct {
	testing.TB
	failed, skipped bool
}

func (v *verdict) Fatal(...any) {
	v.failed = true
	runtime.Goexit()
}

func (v *verdict) Skip(...any) {
	v.skipped = true
	runtime.Goexit()
}

// TestVersionRequired: a version that cannot be one was something that the machine lacks, so that
// every test that wants brokers was left out, and all of them together were said to have passed.
func TestVersionRequired(t *testing.T) {
	t.Setenv(Variable, "local")
	t.Setenv(VersionVariable, "4.1")
	v, ended := &verdict{TB: t}, make(chan struct{})
	go func() {
		defer close(ended)
		Require(v)
	}()
	<-ended
	if !v.failed || v.skipped {
		t.Errorf("on Kafka 4.1: %+v, want that the test fails", v)
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
