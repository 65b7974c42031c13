/* libnfs as a client to measure servers with: built and run by libnfs_client.py.
 *
 *     libnfs_client HOST PORT PATH MINOR SECONDS  <  lines of "OP RECORD DEPTH"
 *
 * OP is read, write or getattr. For each line one line goes out: operations, octets, seconds,
 * processor seconds, and the median and 99th percentile of the round trips in microseconds.
 *
 * MINOR 0 is libnfs as everyone uses it (nfs_pread_async and so on). libnfs speaks no other, but
 * its RPC layer and its XDR do: with MINOR 1 the compounds of a session are made here, the rest,
 * sockets, event loop, XDR and zero-copy, is the same code. Sequential; the file is read from its
 * start again when it ends, and written within what it was.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <fcntl.h>
#include <unistd.h>
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-nfs4.h>

#define MAX_DEPTH 64
#define MAX_TIMES (1 << 20)

enum op { READ, WRITE, GETATTR };

/* One of the calls that are in flight: its buffer and, with minor version 1, its slot. */
struct lane {
        unsigned slot;
        uint32_t seqid;
        char *buffer;
        double begun;
};

static struct nfs_context *nfs;
static struct nfsfh *file;
static struct rpc_context *rpc;
static char session[NFS4_SESSIONID_SIZE];
static char handle[NFS4_FHSIZE];
static unsigned handle_size;
static stateid4 open_stateid;
static struct lane lanes[MAX_DEPTH];
static int minor, waiting;
static COMPOUND4res *answer; /* of the call that set-up waits for */

static enum op op;
static uint64_t record, position, file_size, done_octets;
static unsigned in_flight;
static double until;
static double *times;
static unsigned long operations;

static double now(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double in_seconds(struct timeval t)
{
        return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static void die(const char *what, const char *why)
{
        fprintf(stderr, "libnfs_client: %s: %s\n", what, why ? why : "failed");
        exit(1);
}

static void turn(void)
{
        struct pollfd p = { .fd = rpc_get_fd(rpc), .events = (short)rpc_which_events(rpc) };
        if (poll(&p, 1, 5000) <= 0)
                die("the server", "does not answer within 5 seconds");
        if ((nfs ? nfs_service(nfs, p.revents) : rpc_service(rpc, p.revents)) < 0)
                die("the connection", rpc_get_error(rpc));
}

/* -- minor version 1: the compounds of a session ------------------------------------------- */

static void put_sequence(nfs_argop4 *a, struct lane *lane)
{
        SEQUENCE4args *s = &a->nfs_argop4_u.opsequence;
        a->argop = OP_SEQUENCE;
        memcpy(s->sa_sessionid, session, sizeof session);
        s->sa_sequenceid = ++lane->seqid;
        s->sa_slotid = lane->slot;
        s->sa_highest_slotid = MAX_DEPTH - 1;
        s->sa_cachethis = 0;
}

static void put_handle(nfs_argop4 *a)
{
        a->argop = OP_PUTFH;
        a->nfs_argop4_u.opputfh.object.nfs_fh4_len = handle_size;
        a->nfs_argop4_u.opputfh.object.nfs_fh4_val = handle;
}

static void compound(COMPOUND4args *args, nfs_argop4 *ops, unsigned count)
{
        memset(args, 0, sizeof *args);
        args->minorversion = 1;
        args->argarray.argarray_len = count;
        args->argarray.argarray_val = ops;
}

static const char *pending_name;
static void (*take)(COMPOUND4res *);

static void settled(struct rpc_context *r, int status, void *data, void *private)
{
        (void)r, (void)private;
        if (status != RPC_STATUS_SUCCESS)
                die(pending_name, status == RPC_STATUS_ERROR ? data : NULL);
        answer = data;
        if (answer && answer->status != NFS4_OK) {
                char text[40];
                snprintf(text, sizeof text, "status %d", answer->status);
                die(pending_name, text);
        }
        if (take)
                take(answer);
        waiting = 0;
}

static void call(const char *name, nfs_argop4 *ops, unsigned count, void (*result)(COMPOUND4res *))
{
        COMPOUND4args args;
        compound(&args, ops, count);
        pending_name = name;
        take = result;
        waiting = 1;
        if (!rpc_nfs4_compound_task(rpc, settled, &args, NULL))
                die(name, rpc_get_error(rpc));
        while (waiting)
                turn();
}

static clientid4 client;
static sequenceid4 create_seqid;

static void take_client(COMPOUND4res *res)
{
        EXCHANGE_ID4res *r = &res->resarray.resarray_val[0].nfs_resop4_u.opexchangeid;
        client = r->EXCHANGE_ID4res_u.eir_resok4.eir_clientid;
        create_seqid = r->EXCHANGE_ID4res_u.eir_resok4.eir_sequenceid;
}

static void take_session(COMPOUND4res *res)
{
        CREATE_SESSION4res *r = &res->resarray.resarray_val[0].nfs_resop4_u.opcreatesession;
        memcpy(session, r->CREATE_SESSION4res_u.csr_resok4.csr_sessionid, sizeof session);
}

static void take_open(COMPOUND4res *res)
{
        unsigned last = res->resarray.resarray_len - 1;
        nfs_resop4 *r = res->resarray.resarray_val;
        GETFH4resok *fh = &r[last].nfs_resop4_u.opgetfh.GETFH4res_u.resok4;
        open_stateid = r[last - 1].nfs_resop4_u.opopen.OPEN4res_u.resok4.stateid;
        handle_size = fh->object.nfs_fh4_len;
        memcpy(handle, fh->object.nfs_fh4_val, handle_size);
}

static void make_session(void)
{
        nfs_argop4 ops[2];
        channel_attrs4 fore = { 0, 5 << 20, 5 << 20, 8192, 8, MAX_DEPTH, { 0, NULL } };
        channel_attrs4 back = { 0, 4096, 4096, 0, 2, 1, { 0, NULL } };
        callback_sec_parms4 security = { .cb_secflavor = AUTH_NONE };
        char owner[40];

        memset(ops, 0, sizeof ops);
        ops[0].argop = OP_EXCHANGE_ID;
        snprintf(owner, sizeof owner, "libnfs %d", (int)getpid());
        EXCHANGE_ID4args *e = &ops[0].nfs_argop4_u.opexchangeid;
        e->eia_clientowner.co_ownerid.co_ownerid_len = (uint32_t)strlen(owner);
        e->eia_clientowner.co_ownerid.co_ownerid_val = owner;
        call("EXCHANGE_ID", ops, 1, take_client);

        memset(ops, 0, sizeof ops);
        ops[0].argop = OP_CREATE_SESSION;
        CREATE_SESSION4args *s = &ops[0].nfs_argop4_u.opcreatesession;
        s->csa_clientid = client;
        s->csa_sequence = create_seqid;
        s->csa_fore_chan_attrs = fore;
        s->csa_back_chan_attrs = back;
        s->csa_cb_program = 0x40000000;
        s->csa_sec_parms.csa_sec_parms_len = 1;
        s->csa_sec_parms.csa_sec_parms_val = &security;
        call("CREATE_SESSION", ops, 1, take_session);

        memset(ops, 0, sizeof ops);
        put_sequence(&ops[0], &lanes[0]);
        ops[1].argop = OP_RECLAIM_COMPLETE;
        call("RECLAIM_COMPLETE", ops, 2, NULL);
}

static void open_path(char *path)
{
        nfs_argop4 ops[24];
        unsigned n = 0;
        char *name = strtok(path, "/"), *next;

        memset(ops, 0, sizeof ops);
        put_sequence(&ops[n++], &lanes[0]);
        ops[n++].argop = OP_PUTROOTFH;
        while (name && (next = strtok(NULL, "/")) && n < 20) {
                ops[n].argop = OP_LOOKUP;
                ops[n].nfs_argop4_u.oplookup.objname.utf8string_len = (uint32_t)strlen(name);
                ops[n++].nfs_argop4_u.oplookup.objname.utf8string_val = name;
                name = next;
        }
        if (!name)
                die("the path", "names no file");
        OPEN4args *o = &ops[n].nfs_argop4_u.opopen;
        ops[n++].argop = OP_OPEN;
        o->share_access = OPEN4_SHARE_ACCESS_BOTH;
        o->owner.clientid = client;
        o->owner.owner.owner_len = 4;
        o->owner.owner.owner_val = "lane";
        o->openhow.opentype = OPEN4_NOCREATE;
        o->claim.claim = CLAIM_NULL;
        o->claim.open_claim4_u.file.utf8string_len = (uint32_t)strlen(name);
        o->claim.open_claim4_u.file.utf8string_val = name;
        ops[n++].argop = OP_GETFH;
        call("OPEN", ops, n, take_open);
}

static void finish(void)
{
        nfs_argop4 ops[3];
        memset(ops, 0, sizeof ops);
        put_sequence(&ops[0], &lanes[0]);
        put_handle(&ops[1]);
        ops[2].argop = OP_CLOSE;
        ops[2].nfs_argop4_u.opclose.open_stateid = open_stateid;
        call("CLOSE", ops, 3, NULL);
        memset(ops, 0, sizeof ops);
        ops[0].argop = OP_DESTROY_SESSION;
        memcpy(ops[0].nfs_argop4_u.opdestroysession.dsa_sessionid, session, sizeof session);
        call("DESTROY_SESSION", ops, 1, NULL);
        memset(ops, 0, sizeof ops);
        ops[0].argop = OP_DESTROY_CLIENTID;
        ops[0].nfs_argop4_u.opdestroyclientid.dca_clientid = client;
        call("DESTROY_CLIENTID", ops, 1, NULL);
}

/* -- what is measured ------------------------------------------------------------------------ */

static void begin(struct lane *lane);

static void ended(struct lane *lane, int64_t octets)
{
        double t = now();
        if (octets < 0)
                die("a call", "failed");
        if (op != GETATTR && (uint64_t)octets != record)
                die("a call", "moved fewer octets than it was to");
        if (operations < MAX_TIMES)
                times[operations] = t - lane->begun;
        operations++;
        done_octets += octets;
        in_flight--;
        if (t < until)
                begin(lane);
}

static void replied(struct rpc_context *r, int status, void *data, void *private)
{
        COMPOUND4res *res = data;
        int64_t octets = 0;
        (void)r;
        if (status != RPC_STATUS_SUCCESS)
                die("a call", status == RPC_STATUS_ERROR ? data : NULL);
        if (res->status != NFS4_OK)
                die("a call", "was answered with an error");
        nfs_resop4 *last = &res->resarray.resarray_val[res->resarray.resarray_len - 1];
        if (op == READ)
                octets = last->nfs_resop4_u.opread.READ4res_u.resok4.data.data_len;
        else if (op == WRITE)
                octets = last->nfs_resop4_u.opwrite.WRITE4res_u.resok4.count;
        ended(private, octets);
}

static void answered(int result, struct nfs_context *n, void *data, void *private)
{
        (void)data;
        if (result < 0)
                die("a call", nfs_get_error(n));
        ended(private, op == GETATTR ? 0 : result);
}

static void begin_session_call(struct lane *lane, uint64_t at)
{
        static uint32_t words[2] = { 0x0010011a, 0x00b0a23a }; /* what stat() shows */
        nfs_argop4 ops[3];
        COMPOUND4args args;
        struct rpc_pdu *pdu;

        memset(ops, 0, sizeof ops);
        put_sequence(&ops[0], lane);
        put_handle(&ops[1]);
        compound(&args, ops, 3);
        if (op == READ) {
                READ4args *r = &ops[2].nfs_argop4_u.opread;
                ops[2].argop = OP_READ;
                r->stateid = open_stateid;
                r->offset = at;
                r->count = (count4)record;
                pdu = rpc_nfs4_read_task(rpc, replied, lane->buffer, record, &args, lane);
        } else if (op == WRITE) {
                WRITE4args *w = &ops[2].nfs_argop4_u.opwrite;
                ops[2].argop = OP_WRITE;
                w->stateid = open_stateid;
                w->offset = at;
                w->stable = UNSTABLE4;
                w->data.data_len = (uint32_t)record;
                w->data.data_val = lane->buffer;
                pdu = rpc_nfs4_write_task(rpc, replied, lane->buffer, record, &args, lane);
        } else {
                GETATTR4args *g = &ops[2].nfs_argop4_u.opgetattr;
                ops[2].argop = OP_GETATTR;
                g->attr_request.bitmap4_len = 2;
                g->attr_request.bitmap4_val = words;
                pdu = rpc_nfs4_compound_task(rpc, replied, &args, lane);
        }
        if (!pdu)
                die("a call", rpc_get_error(rpc));
}

static void begin(struct lane *lane)
{
        uint64_t at = position;
        int code = 0;
        position = at + 2 * record > file_size ? 0 : at + record;
        lane->begun = now();
        in_flight++;
        if (minor)
                begin_session_call(lane, at);
        else if (op == READ)
                code = nfs_pread_async(nfs, file, lane->buffer, record, at, answered, lane);
        else if (op == WRITE)
                code = nfs_pwrite_async(nfs, file, lane->buffer, record, at, answered, lane);
        else
                code = nfs_fstat64_async(nfs, file, answered, lane);
        if (code < 0)
                die("a call", nfs_get_error(nfs));
}

static int later(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static void measure(unsigned depth, double seconds)
{
        struct rusage a, b;
        double start = now();
        operations = done_octets = position = 0;
        until = start + seconds;
        getrusage(RUSAGE_SELF, &a);
        for (unsigned i = 0; i < depth; i++)
                begin(&lanes[i]);
        while (in_flight)
                turn();
        double elapsed = now() - start;
        getrusage(RUSAGE_SELF, &b);
        double cpu = in_seconds(b.ru_utime) - in_seconds(a.ru_utime) + in_seconds(b.ru_stime) - in_seconds(a.ru_stime);
        unsigned long n = operations < MAX_TIMES ? operations : MAX_TIMES;
        qsort(times, n, sizeof *times, later);
        printf("%lu %llu %.6f %.6f %.1f %.1f\n", operations, (unsigned long long)done_octets, elapsed, cpu,
               1e6 * times[n / 2], 1e6 * times[n * 99 / 100]);
        fflush(stdout);
}

static void connect_plain(char *host, int port, char *path)
{
        struct nfs_stat_64 status;
        char *name = strrchr(path, '/');
        if (!name || !(nfs = nfs_init_context()))
                die("the path", "has no slash");
        nfs_set_version(nfs, 4);
        nfs_set_nfsport(nfs, port);
        nfs_set_readmax(nfs, 8 << 20);
        *name++ = 0;
        if (nfs_mount(nfs, host, *path ? path : "/") || nfs_open(nfs, name, O_RDWR, &file)
            || nfs_fstat64(nfs, file, &status))
                die("mounting", nfs_get_error(nfs));
        file_size = status.nfs_size;
        rpc = nfs_get_rpc_context(nfs);
}

static void connect_session(char *host, int port, char *path)
{
        if (!(rpc = rpc_init_context()))
                die("libnfs", "has no context");
        pending_name = "connecting";
        waiting = 1;
        if (rpc_connect_async(rpc, host, port, settled, NULL))
                die("connecting", rpc_get_error(rpc));
        while (waiting)
                turn();
        make_session();
        open_path(path);
}

int main(int argc, char **argv)
{
        char name[16];
        unsigned long long size;
        unsigned depth;

        if (argc != 7)
                die("usage", "libnfs_client HOST PORT PATH MINOR SECONDS FILE_SIZE");
        minor = atoi(argv[4]);
        times = malloc(MAX_TIMES * sizeof *times);
        for (unsigned i = 0; i < MAX_DEPTH; i++)
                lanes[i] = (struct lane){ .slot = i, .buffer = calloc(1, 8 << 20) };
        if (minor) {
                connect_session(argv[1], atoi(argv[2]), argv[3]);
                file_size = strtoull(argv[6], NULL, 10);
        } else {
                connect_plain(argv[1], atoi(argv[2]), argv[3]);
        }
        while (scanf("%15s %llu %u", name, &size, &depth) == 3) {
                op = *name == 'r' ? READ : *name == 'w' ? WRITE : GETATTR;
                record = size;
                if (!depth || depth > MAX_DEPTH || size > 8 << 20 || (op != GETATTR && size > file_size))
                        die(name, "no such depth or record");
                measure(depth, atof(argv[5]));
        }
        if (minor)
                finish();
        return 0;
}
