package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/quittance/quittance/compaction"
	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// Contracts are the compiled .proto files of a repository, sorted by path, and the topics that
// their messages declare, sorted by name.
type contracts struct {
	files  []protoreflect.FileDescriptor
	topics []topic
}

// A topic is a declaration with the message that made it and the marks on its fields.
type topic struct {
	compaction.Topic
	message  protoreflect.MessageDescriptor
	personal []mark
}

// A mark is a field that holds personal data: its path from the record, and what kind of data.
type mark struct {
	path, category string
}

// compile reads every .proto file below root, comments included.
func compile(root string) (contracts, error) {
	paths, err := protoFiles(root)
	if err != nil {
		return contracts{}, err
	}
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(
			&protocompile.SourceResolver{ImportPaths: []string{root}}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	linked, err := compiler.Compile(context.Background(), paths...)
	if err != nil {
		return contracts{}, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	for _, f := range linked {
		collect(f, set, seen)
	}
	registry, err := decoded(set)
	if err != nil {
		return contracts{}, err
	}
	var c contracts
	for _, path := range paths {
		f, err := registry.FindFileByPath(path)
		if err != nil {
			return contracts{}, err
		}
		c.files = append(c.files, f)
	}
	c.topics, err = topics(c.files)
	return c, err
}

// protoFiles lists the .proto files below root by their path from root, leaving out folders that
// begin with a dot and the folder of run-time data.
func protoFiles(root string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root &&
			(strings.HasPrefix(d.Name(), ".") || d.Name() == "var" || d.Name() == "testdata"):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, ".proto"):
			from, err := filepath.Rel(root, path)
			paths = append(paths, filepath.ToSlash(from))
			return err
		}
		return nil
	})
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("no .proto file below %s: %w", root, os.ErrNotExist)
	}
	return paths, err
}

// collect adds f to set, after the files that it imports.
func collect(f protoreflect.FileDescriptor, set *descriptorpb.FileDescriptorSet,
	seen map[string]bool,
) {
	if seen[f.Path()] {
		return
	}
	seen[f.Path()] = true
	imports := f.Imports()
	for i := range imports.Len() {
		collect(imports.Get(i).FileDescriptor, set, seen)
	}
	set.File = append(set.File, protoutil.ProtoFromFileDescriptor(f))
}

// decoded returns set's files with their options as this program's own types. The compiler knows
// the options only as it read them; their bytes, decoded again, are what generated code holds.
func decoded(set *descriptorpb.FileDescriptorSet) (*protoregistry.Files, error) {
	b, err := proto.Marshal(set)
	if err != nil {
		return nil, err
	}
	own := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(b, own); err != nil {
		return nil, err
	}
	return protodesc.NewFiles(own)
}

// topics returns what the messages of files declare.
func topics(files []protoreflect.FileDescriptor) ([]topic, error) {
	var all []topic
	for _, f := range files {
		for i := range f.Messages().Len() {
			m := f.Messages().Get(i)
			t, ok, err := compaction.TopicOf(m)
			if err != nil {
				return nil, err
			}
			if ok {
				all = append(all, topic{t, m, marks(m, "", nil)})
			}
		}
	}
	slices.SortFunc(all, func(a, b topic) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// marks returns the fields of m, and of the messages in it, that are marked as personal data.
func marks(m protoreflect.MessageDescriptor, prefix string, above []protoreflect.FullName) []mark {
	if slices.Contains(above, m.FullName()) {
		return nil // a message inside itself: its fields are named already
	}
	above = append(above, m.FullName())
	var all []mark
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		path := prefix + string(f.Name())
		if category := personal(f); category != "" {
			all = append(all, mark{path, category})
		} else if f.Message() != nil {
			all = append(all, marks(f.Message(), path+".", above)...)
		}
	}
	return all
}

// personal returns the category of personal data that f is marked with, empty for none.
func personal(f protoreflect.FieldDescriptor) string {
	o, ok := f.Options().(*descriptorpb.FieldOptions)
	if !ok || !proto.HasExtension(o, compactionv1.E_PersonalData) {
		return ""
	}
	return proto.GetExtension(o, compactionv1.E_PersonalData).(*compactionv1.PersonalData).Category
}

// comment returns what stands above d in its file, as one line; empty when nothing does.
func comment(d protoreflect.Descriptor) string {
	at := d.ParentFile().SourceLocations().ByDescriptor(d)
	return strings.Join(strings.Fields(at.LeadingComments+" "+at.TrailingComments), " ")
}
