package main

import (
	"fmt"
	"os"
	"strings"
)

const description = `The money path of a service marketplace: quote, promotion, acceptance, invoice, payment, payout,
settlement and the file that ties them to the bank.

Begin with:

    quittance serve --dev        serves a demo business on 127.0.0.1:8080 and says what to try
    quittance demo               shows the whole path, step by step
    quittance serve --help       each command's help begins with examples

Every flag may be given by the environment: --data as QUITTANCE_DATA. Commands whose flags have one
name share the variable, also where it means another thing to each: --data is the folder of a server
to serve and of the sandbox's books to sandbox, --from a day to export and a log to copy. Export what
means one thing, such as QUITTANCE_LOG, QUITTANCE_BROKERS and QUITTANCE_KAFKA_CA.`

// commands are the subcommands, in the order in which --help lists them.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve the API."`
	Demo    demoCommand    `cmd:"" help:"Show the whole path, from quote to the finance file."`
	Export  exportCommand  `cmd:"" help:"Write files for finance."`
	Verify  verifyCommand  `cmd:"" help:"Check the books, the journal and the store."`
	Copy    copyCommand    `cmd:"" help:"Copy a log: from one machine to a cluster, back, or between clusters."`
	Keys    keysCommand    `cmd:"" help:"Create, list and revoke API keys."`
	Shards  shardsCommand  `cmd:"" help:"Show who owns which shard, on one node or many."`
	Topics  topicsCommand  `cmd:"" help:"Look at what is stored, and clean it."`
	Sandbox sandboxCommand `cmd:"" help:"Serve the sandbox payment provider."`
	Bench   benchCommand   `cmd:"" help:"Measure this machine."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// dataFlag is the data folder, where a command works on one.
type dataFlag struct {
	Data string `help:"The data folder." default:"var/data"`
}

// remoteFlags say which running server a command is for. The key comes from the environment, or
// from the file that serve --dev wrote: flags are seen by every user of the machine.
type remoteFlags struct {
	URL     string `name:"url" help:"A running server; its key is in QUITTANCE_KEY." placeholder:"URL"`
	DevJSON string `name:"dev-json" help:"A dev.json: URL and keys." placeholder:"FILE"`
}

// given reports whether a running server was named.
func (r remoteFlags) given() bool { return r.URL != "" || r.DevJSON != "" }

// remote returns the address of the server and the key for a role.
func (r remoteFlags) remote(p *program, role string) (url, key string, err error) {
	url, key = r.URL, p.getenv("QUITTANCE_KEY")
	if r.DevJSON != "" {
		d, err := readDev(r.DevJSON)
		if err != nil {
			return "", "", err
		}
		if url == "" {
			url = d.URL
		}
		if key == "" {
			key = d.Keys[role]
		}
	}
	if key == "" {
		return "", "", &usageError{"a running server needs a key: set QUITTANCE_KEY, or --dev-json"}
	}
	return strings.TrimSuffix(url, "/"), key, nil
}

// secretFrom returns a secret that may be given by an environment variable or by the file that
// another, ending in _FILE, names. It is empty when neither is set.
func (p *program) secretFrom(name string) (string, error) {
	if text := p.getenv(name); text != "" {
		return text, nil
	}
	file := p.getenv(name + "_FILE")
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	return strings.TrimSpace(string(b)), nil
}
