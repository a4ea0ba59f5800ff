package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/quittance/quittance/compaction"
)

// moveSecret brings the secret of a log to where the copy is served, where both are known, and says
// what is left to do, and what the target is to know of the secret. It refuses a secret that the
// source was not served with, and a data folder that has another one.
func moveSecret(from, to place, file string, source compaction.Mark) (
	told string, check []byte, err error,
) {
	if !from.onCluster() {
		if file != "" {
			return "", nil, &usageError{"--secret: that of a data folder is in it"}
		}
		file = from.secret()
	}
	if file == "" {
		told, err = askForSecret(to)
		return told, source.Secret, err
	}
	secret, err := readSecret(file)
	if err != nil {
		return "", nil, err
	}
	check = compaction.SecretCheck(secret)
	if source.Secret != nil && !bytes.Equal(check, source.Secret) {
		return "", nil, fmt.Errorf("%s is not the secret that the source was served with", file)
	}
	if to.onCluster() {
		return "secret:   copy " + file + " into the data folder of each server of the target", check, nil
	}
	there, err := os.ReadFile(to.secret())
	switch {
	case err == nil && !bytes.Equal(secret, there):
		return "", nil, fmt.Errorf("%s is not that of the source: the folder belongs to another log",
			to.secret())
	case err == nil:
		return "secret:   " + to.secret() + " is that of the source", check, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", nil, err
	}
	if err := os.MkdirAll(to.dir, 0o700); err != nil {
		return "", nil, err
	}
	return "secret:   copied to " + to.secret(), check, writeFile(to.secret(), secret)
}

// askForSecret says where the secret must be that only the servers of the source have.
func askForSecret(to place) (told string, err error) {
	if to.onCluster() {
		return "secret:   copy the secret of the source's servers into the data folder of each server " +
			"of the target", nil
	}
	_, err = os.Stat(to.secret())
	switch {
	case err == nil:
		return "secret:   " + to.secret() + " was there; it must be that of the source's servers", nil
	case errors.Is(err, fs.ErrNotExist):
		return "secret:   copy the secret of the source's servers to " + to.secret(), nil
	}
	return "", err
}
