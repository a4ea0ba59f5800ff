package kafkatest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // for what a broker is made of
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

// pom names defaultVersion, in the place of which Maven is given another.
//
//go:embed pom.xml
var pom []byte

//go:embed log4j2.properties
var log4j []byte

// Variable is the environment variable that says whether tests may start brokers: unset they are
// skipped; "local" skips them where Java or Maven is missing; "required" fails them there.
const Variable = "QUITTANCE_KAFKA"

// VersionVariable is the environment variable that says which Kafka brokers are, such as 4.1.1;
// unset it is the one that the tests are written against.
const VersionVariable = "QUITTANCE_KAFKA_VERSION"

const defaultVersion = "4.3.0"

// versions are as Kafka's releases are numbered. A version becomes part of a folder's name.
var versions = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)

// version is the Kafka that brokers are to be.
func version() (string, error) {
	v := cmp.Or(os.Getenv(VersionVariable), defaultVersion)
	if !versions.MatchString(v) {
		return "", fmt.Errorf("%s=%s: want a release such as %s", VersionVariable, v, defaultVersion)
	}
	return v, nil
}

// An installation is a Kafka on this machine that is ready to run.
type installation struct {
	java    string // the program
	home    string // lib/*.jar, log4j2.properties, a checkpoint, classes-*.jsa
	classes string // java's flag for the last of these
}

// Require skips or fails a test that wants brokers where there can be none, see Variable. Start
// and Shared call it; a test calls it where it has other things to prepare first.
func Require(tb testing.TB) {
	tb.Helper()
	mode := os.Getenv(Variable)
	switch mode {
	case "":
		tb.Skip("wants a Kafka broker: run make test-kafka")
	case "local", "required":
	default:
		tb.Fatalf("%s=%s: want local, required or nothing", Variable, mode)
	}
	if _, err := version(); err != nil {
		tb.Fatal(err) // nothing is missing here but a right version
	}
	if missing := missing(); missing != "" {
		without(tb, missing)
	}
}

// without ends a test that this machine cannot run, with the reason.
func without(tb testing.TB, reason string) {
	tb.Helper()
	if os.Getenv(Variable) == "required" {
		tb.Fatal(reason)
	}
	tb.Skip(reason)
}

// Programs skips a test that runs programs of the machine, such as a shell, where one of them is
// missing. Where the environment variable QUITTANCE_PROGRAMS is "required", as in .ci/run, that is
// a failure. It has nothing to do with brokers; it is here because tests are left out in one place.
func Programs(tb testing.TB, names ...string) {
	tb.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("QUITTANCE_PROGRAMS") == "required" {
			tb.Fatalf("no %s", name)
		}
		tb.Skipf("no %s: install it", name)
	}
}

// missing says what to install, or nothing.
func missing() string {
	if _, err := exec.LookPath("java"); err != nil {
		return "no java for a Kafka broker: install default-jre-headless (Java 17 or later) and maven"
	}
	home, err := cache()
	if err != nil {
		return "no folder for Kafka: " + err.Error()
	}
	if _, err := os.Stat(home); err == nil {
		return ""
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return "no mvn to fetch Kafka: install maven"
	}
	return ""
}

// form is that of the folder of an installation; it changes with what is put there beside the jars.
const form = "2"

// cache is the folder of the installation. Its name changes with what is to be in it.
func cache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	v, err := version()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Append(nil, form, project(v), log4j))
	return filepath.Join(dir, "quittance", fmt.Sprintf("kafka-%s-%x", v, sum[:4])), nil
}

// project is what Maven is told of a version.
func project(version string) []byte {
	return bytes.ReplaceAll(pom, []byte(defaultVersion), []byte(version))
}

// install returns the machine's installation and makes it the first time. All of it appears by
// renames, so what is there is whole; a lock lets one process make it while others wait.
func install() (*installation, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, err
	}
	home, err := cache()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(home+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer lock.Close() // and frees it
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, err
	}
	k := &installation{java: java, home: home}
	if _, err := os.Stat(home); errors.Is(err, fs.ErrNotExist) {
		err = k.make()
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return k, k.archive()
}

// make makes k's folder.
func (k *installation) make() error {
	draft, err := os.MkdirTemp(filepath.Dir(k.home), "draft-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft) // nothing of it is left when all went well
	if err := fetch(draft); err != nil {
		return err
	}
	if err := (&installation{java: k.java, home: draft}).bootstrap(); err != nil {
		return err
	}
	return os.Rename(draft, k.home)
}

// fetch has Maven copy the jars into home.
func fetch(home string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return err
	}
	v, err := version()
	if err != nil {
		return err
	}
	file := filepath.Join(home, "pom.xml")
	if err := os.WriteFile(file, project(v), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, "log4j2.properties"), log4j, 0o600); err != nil {
		return err
	}
	cmd := exec.Command(mvn, "-q", "-B", "-f", file, "dependency:copy-dependencies",
		"-DoutputDirectory="+filepath.Join(home, "lib"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetching Kafka %s by mvn: %w\n%s", v, err, out)
	}
	return nil
}
