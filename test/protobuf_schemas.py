"""Protobuf schemas at random, valid ones, and versions of them.

Schema(random) makes one; text() writes it; mutated() is a later version of it.
"""
import copy

SCALARS = ('double float int32 int64 uint32 uint64 sint32 sint64 fixed32 '
           'fixed64 sfixed32 sfixed64 bool string bytes').split()
KEYS = ('int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 '
        'sfixed64 bool string').split()
FILE_OPTIONS = ['java_package = "a.b"', 'java_multiple_files = true',
                'java_outer_classname = "X"', 'optimize_for = CODE_SIZE',
                'optimize_for = SPEED', 'go_package = "a/b"',
                'csharp_namespace = "A.B"', 'ruby_package = "A"',
                'cc_enable_arenas = false', 'java_string_check_utf8 = true',
                'deprecated = true']


class Field:
    def __init__(self, name, number, type_, label='', key=None):
        self.name, self.number, self.type = name, number, type_
        self.label, self.key = label, key
        self.options, self.oneof = {}, None


class Message:
    def __init__(self, name):
        self.name = name
        self.fields, self.oneofs = [], []
        self.messages, self.enums = [], []
        self.reserved, self.names, self.ranges = [], [], []


class Enum:
    def __init__(self, name):
        self.name, self.values = name, []
        self.alias = False
        self.reserved, self.names = [], []


class Schema:
    def __init__(self, random, syntax=None, package='p.v1'):
        self.random = random
        self.syntax = syntax or random.choice(['proto2', 'proto3'])
        self.package = package
        self.options = random.sample(FILE_OPTIONS, random.choice([0, 0, 1, 2]))
        self.options = [o for i, o in enumerate(self.options)
                        if o.split()[0] not in
                        [p.split()[0] for p in self.options[:i]]]
        self.messages, self.enums, self.services = [], [], []
        self.extensions = []
        self.count = 0
        for _ in range(random.randint(0, 2)):
            self.enums.append(self.enum())
        for _ in range(random.randint(1, 3)):
            self.messages.append(self.message(0))
        for message in self.all_messages():
            for _ in range(random.randint(0, 5)):
                self.add_field(message)
            self.reserve(message)
        if random.random() < .3:
            self.services.append(['S', [self.rpc('R%d' % i) for i in
                                        range(random.randint(0, 3))]])
        if self.syntax == 'proto2':
            self.extend()

    # ---- what there is ----

    def fresh(self):
        self.count += 1
        return self.count

    def all_messages(self):
        found, todo = [], list(self.messages)
        while todo:
            message = todo.pop()
            found.append(message)
            todo += message.messages
        return found

    def named_types(self):
        """Qualified names of messages and of enumerations."""
        messages, enums = [], [(self.package + '.' + e.name, e)
                               for e in self.enums]
        todo = [(self.package, m) for m in self.messages]
        while todo:
            scope, message = todo.pop()
            full = scope + '.' + message.name
            messages.append((full, message))
            enums += [(full + '.' + e.name, e) for e in message.enums]
            todo += [(full, m) for m in message.messages]
        return messages, enums

    # ---- making ----

    def enum(self):
        enum = Enum('E%d' % self.fresh())
        prefix = enum.name + '_V'
        numbers = {0: 1}
        enum.values.append((prefix + '0', 0))
        for i in range(self.random.randint(0, 3)):
            number = self.random.choice([1, 2, 3, -1, 7, 2147483647])
            if number in numbers:
                if self.random.random() < .8:
                    continue
                enum.alias = True
            numbers[number] = 1
            enum.values.append((prefix + 'x%d' % (i + 1), number))
        if self.random.random() < .2:
            enum.reserved.append((100, 100 + self.random.randint(0, 5)))
        if self.random.random() < .2:
            enum.names.append('GONE%d' % self.fresh())
        return enum

    def message(self, depth):
        message = Message('M%d' % self.fresh())
        if self.random.random() < .3:
            message.enums.append(self.enum())
        if depth < 2 and self.random.random() < .4:
            message.messages.append(self.message(depth + 1))
        return message

    def reserve(self, message):
        low = 200
        for _ in range(self.random.choice([0, 0, 1, 2])):
            high = low + self.random.randint(0, 9)
            message.reserved.append((low, high))
            low = high + self.random.randint(1, 5)
        if self.random.random() < .3:
            message.names.append('gone%d' % self.fresh())
        if self.syntax == 'proto2' and self.random.random() < .3:
            message.ranges.append((1000, 1000 + self.random.randint(5, 20)))

    def number(self, message):
        used = {f.number for f in message.fields}
        for first, last in message.reserved + message.ranges:
            used |= set(range(first, last + 1))
        return self.random.choice([n for n in range(1, 60) if n not in used])

    def some_type(self, syntax_enum=True):
        messages, enums = self.named_types()
        kind = self.random.random()
        if kind < .2 and messages:
            return '.' + self.random.choice(messages)[0]
        if kind < .35 and enums:
            return '.' + self.random.choice(enums)[0]
        return self.random.choice(SCALARS)

    def label(self):
        if self.syntax == 'proto2':
            return self.random.choice(['optional', 'optional', 'repeated',
                                       'required'])
        return self.random.choice(['', '', 'optional', 'repeated'])

    def add_field(self, message):
        n = self.fresh()
        name = self.random.choice(['f%d', 'some_field_%d', 'X%d']) % n
        field = Field(name, self.number(message), self.some_type())
        kind = self.random.random()
        if kind < .15:
            field.key = self.random.choice(KEYS)
        elif kind < .35:
            if message.oneofs and self.random.random() < .6:
                field.oneof = self.random.choice(message.oneofs)
            else:
                field.oneof = 'o%d' % n
                message.oneofs.append(field.oneof)
        else:
            field.label = self.label()
        self.decorate(field)
        message.fields.append(field)

    def decorate(self, field):
        """Options that suit the field."""
        random = self.random
        field.options = {}
        if random.random() < .1:
            field.options['deprecated'] = 'true'
        if random.random() < .1:
            field.options['json_name'] = '"j%d"' % self.fresh()
        if field.label == 'repeated' and field.type[0] != '.' and \
                field.type not in ('string', 'bytes') and random.random() < .3:
            field.options['packed'] = random.choice(['true', 'false'])
        if field.type in ('int64', 'uint64') and not field.key and \
                random.random() < .2:
            field.options['jstype'] = random.choice(['JS_STRING', 'JS_NORMAL'])
        if field.type in ('string', 'bytes') and not field.key and \
                random.random() < .1:
            field.options['ctype'] = random.choice(['CORD', 'STRING'])
        if self.syntax == 'proto2' and not field.key and \
                field.label != 'repeated' and random.random() < .3:
            self.set_default(field)

    def set_default(self, field):
        random = self.random
        if field.type[0] == '.':
            enums = dict(self.named_types()[1])
            if field.type[1:] in enums:
                field.options['default'] = random.choice(
                    enums[field.type[1:]].values)[0]
        elif field.type == 'bool':
            field.options['default'] = random.choice(['true', 'false'])
        elif field.type in ('string', 'bytes'):
            field.options['default'] = random.choice(
                ['""', '"x"', r'"\x41\"\n\303\251"', "'a' \"b\""])
        elif field.type in ('float', 'double'):
            field.options['default'] = random.choice(
                ['0', '1', '-1.5', '.1', '1e30', 'inf', '-inf', 'nan',
                 '16777217', '1e-50', '0.1e1', '123456789.125'])
        elif field.type[0] == 'u' or field.type.startswith('fixed'):
            field.options['default'] = random.choice(['0', '1', '0x10', '017'])
        else:
            field.options['default'] = random.choice(
                ['0', '1', '-1', '0x7fffffff', '-2147483648'])

    def rpc(self, name):
        messages = [n for n, _ in self.named_types()[0]]
        return [name, self.random.choice(['', 'stream ']),
                '.' + self.random.choice(messages),
                self.random.choice(['', 'stream ']),
                '.' + self.random.choice(messages),
                self.random.choice([None, None, 'IDEMPOTENT'])]

    def extend(self):
        for full, message in self.named_types()[0]:
            if message.ranges and self.random.random() < .6:
                self.extensions.append(
                    [full, 'ext%d' % self.fresh(), message.ranges[0][0],
                     self.random.choice(['optional', 'repeated']),
                     self.some_type()])

    # ---- writing ----

    def text(self):
        out = ['syntax = "%s";' % self.syntax]
        if self.package:
            out.append('package %s;' % self.package)
        out += ['option %s;' % o for o in self.options]
        for enum in self.enums:
            self.write_enum(out, enum, '')
        for message in self.messages:
            self.write_message(out, message, '')
        for name, rpcs in self.services:
            out.append('service %s {' % name)
            for n, cs, request, ss, response, idem in rpcs:
                out.append('  rpc %s(%s%s) returns (%s%s) {%s}' % (
                    n, cs, request, ss, response,
                    ' option idempotency_level = %s; ' % idem
                    if idem else ''))
            out.append('}')
        for full, name, number, label, type_ in self.extensions:
            out.append('extend .%s {\n  %s %s %s = %d;\n}' %
                       (full, label, type_, name, number))
        return '\n'.join(out) + '\n'

    def write_enum(self, out, enum, indent):
        out.append('%senum %s {' % (indent, enum.name))
        if enum.alias:
            out.append('%s  option allow_alias = true;' % indent)
        for name, number in enum.values:
            out.append('%s  %s = %d;' % (indent, name, number))
        self.write_reserved(out, enum, indent)
        out.append('%s}' % indent)

    def write_reserved(self, out, thing, indent):
        for first, last in thing.reserved:
            out.append('%s  reserved %d%s;' % (
                indent, first, '' if first == last else ' to %d' % last))
        for name in thing.names:
            out.append('%s  reserved "%s";' % (indent, name))

    def write_field(self, out, field, indent):
        options = ', '.join('%s = %s' % o for o in field.options.items())
        type_ = field.type
        if field.key:
            type_ = 'map<%s, %s>' % (field.key, field.type)
        out.append('%s  %s%s %s = %d%s;' % (
            indent, field.label + ' ' if field.label else '', type_,
            field.name, field.number, ' [%s]' % options if options else ''))

    def write_message(self, out, message, indent):
        out.append('%smessage %s {' % (indent, message.name))
        for field in message.fields:
            if not field.oneof:
                self.write_field(out, field, indent)
        for oneof in message.oneofs:
            members = [f for f in message.fields if f.oneof == oneof]
            if members:
                out.append('%s  oneof %s {' % (indent, oneof))
                for field in members:
                    self.write_field(out, field, indent + '  ')
                out.append('%s  }' % indent)
        for first, last in message.ranges:
            out.append('%s  extensions %d to %d;' % (indent, first, last))
        self.write_reserved(out, message, indent)
        for enum in message.enums:
            self.write_enum(out, enum, indent + '  ')
        for nested in message.messages:
            self.write_message(out, nested, indent + '  ')
        out.append('%s}' % indent)

    # ---- a later version ----

    def mutated(self, steps=None):
        random = self.random
        self.random = None
        new = copy.deepcopy(self)
        self.random = new.random = random
        for _ in range(steps or random.randint(1, 3)):
            getattr(new, random.choice(
                [m for m in dir(new) if m.startswith('change_')]))()
        return new

    def some_field(self):
        """A message and one of its fields, or None twice."""
        places = [(m, f) for m in self.all_messages() for f in m.fields]
        return self.random.choice(places) if places else (None, None)

    def some_enum(self):
        enums = self.named_types()[1]
        return self.random.choice(enums)[1] if enums else None

    def change_add_field(self):
        self.add_field(self.random.choice(self.all_messages()))

    def change_delete_field(self):
        message, field = self.some_field()
        if message:
            message.fields.remove(field)
            if self.random.random() < .4:
                message.reserved.append((field.number, field.number))
            if self.random.random() < .4:
                message.names.append(field.name)

    def change_rename_field(self):
        _, field = self.some_field()
        if field:
            field.name = 'renamed%d' % self.fresh()

    def change_type(self):
        _, field = self.some_field()
        if field:
            near = {'int32': 'int64', 'uint32': 'bool', 'string': 'bytes',
                    'bytes': 'string', 'fixed32': 'sfixed32',
                    'sint32': 'sint64', 'int64': 'uint64', 'bool': 'int32'}
            if self.random.random() < .6:
                field.type = near.get(field.type, field.type)
            else:
                field.type = self.some_type()
            self.decorate(field)

    def change_label(self):
        _, field = self.some_field()
        if field and not field.key and not field.oneof:
            field.label = self.label()
            self.decorate(field)

    def change_key(self):
        _, field = self.some_field()
        if field and not field.oneof:
            if field.key is None:
                field.key, field.label = self.random.choice(KEYS), ''
            elif self.random.random() < .5:
                field.key = self.random.choice(KEYS)
            else:
                field.key, field.label = None, 'repeated'
            self.decorate(field)

    def change_oneof(self):
        message, field = self.some_field()
        if field and not field.key and field.label != 'repeated':
            if field.oneof:
                field.oneof = None
                field.label = 'optional'
            else:
                if message.oneofs and self.random.random() < .6:
                    field.oneof = self.random.choice(message.oneofs)
                else:
                    field.oneof = 'o%d' % self.fresh()
                    message.oneofs.append(field.oneof)
                field.label = ''

    def change_options(self):
        _, field = self.some_field()
        if field:
            self.decorate(field)

    def change_reserved(self):
        message = self.random.choice(self.all_messages())
        if message.reserved and self.random.random() < .5:
            message.reserved.pop()
        elif message.names:
            message.names.pop()
        elif message.ranges and not self.extensions:
            message.ranges.pop()

    def change_enum(self):
        enum = self.some_enum()
        if not enum:
            return
        kind = self.random.random()
        if kind < .3:
            enum.values.append((enum.name + '_N%d' % self.fresh(),
                                10 + self.fresh()))
        elif kind < .6 and len(enum.values) > 1:
            name, number = enum.values.pop()
            if not any(v[1] == number for v in enum.values):
                if self.random.random() < .4:
                    enum.reserved.append((number, number))
            if self.random.random() < .4:
                enum.names.append(name)
        else:
            i = self.random.randrange(len(enum.values))
            enum.values[i] = (enum.name + '_R%d' % self.fresh(),
                              enum.values[i][1])
        numbers = [v[1] for v in enum.values]
        enum.alias = len(numbers) != len(set(numbers))
        self.fix_defaults()

    def change_enum_reserved(self):
        enum = self.some_enum()
        if enum and enum.reserved:
            enum.reserved.pop()
        elif enum and enum.names:
            enum.names.pop()

    def change_delete_type(self):
        """Delete an unused message or enumeration."""
        used = self.used_types()
        for owner in [self] + self.all_messages():
            for name in ('enums', 'messages'):
                for thing in getattr(owner, name):
                    if not any(('.' + thing.name) in u for u in used) and \
                            (owner is not self or len(self.messages) > 1):
                        getattr(owner, name).remove(thing)
                        return

    def used_types(self):
        used = {f.type + '.' for m in self.all_messages() for f in m.fields}
        used |= {r[2] + '.' for s in self.services for r in s[1]}
        used |= {r[4] + '.' for s in self.services for r in s[1]}
        for full, _, _, _, type_ in self.extensions:
            used |= {type_ + '.', '.' + full + '.'}
        return used

    def fix_defaults(self):
        enums = dict(self.named_types()[1])
        for message in self.all_messages():
            for field in message.fields:
                enum = enums.get(field.type[1:])
                if enum and field.options.get('default') not in \
                        [v[0] for v in enum.values]:
                    field.options.pop('default', None)

    def change_add_type(self):
        if self.random.random() < .5:
            self.enums.append(self.enum())
        else:
            self.messages.insert(self.random.randint(0, len(self.messages)),
                                 self.message(1))

    def change_service(self):
        for service in self.services:
            kind = self.random.random()
            if kind < .3 and service[1]:
                service[1].pop()
            elif kind < .8 and service[1]:
                service[1][0] = self.rpc(service[1][0][0])
            else:
                service[1].append(self.rpc('N%d' % self.fresh()))

    def change_extension(self):
        if self.extensions:
            extension = self.random.choice(self.extensions)
            kind = self.random.random()
            if kind < .3:
                self.extensions.remove(extension)
            elif kind < .6:
                extension[4] = self.some_type()
            elif kind < .8:
                extension[1] = 'other%d' % self.fresh()
            else:
                extension[3] = 'repeated'

    def change_file_option(self):
        if self.options and self.random.random() < .5:
            self.options.pop()
        else:
            option = self.random.choice(FILE_OPTIONS)
            if option.split()[0] not in [o.split()[0] for o in self.options]:
                self.options.append(option)
