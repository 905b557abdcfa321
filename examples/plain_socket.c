/* SPDX-License-Identifier: MIT */
/*
 * The same as subscribe.c without libagent: what a program does in any language that can open a socket. Serves
 * "plain.echo", which answers with its own params.
 *
 *     ./example_plain_socket [PORT]
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Length of the JSON object that p begins with, 0 while it is incomplete. Texts come back to back on the stream
   and may be cut anywhere, so braces are counted, those inside strings left out. */
static size_t object_length(const char *p, size_t n)
{
    int depth = 0, in_string = 0;

    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (p[i] == '\\')
                i++;
            else if (p[i] == '"')
                in_string = 0;
        } else if (p[i] == '"') {
            in_string = 1;
        } else if (p[i] == '{') {
            depth++;
        } else if (p[i] == '}' && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* A real program uses a JSON parser here. */
static int answer(int fd, const char *text)
{
    const char *id = strstr(text, "\"id\":"), *params = strstr(text, "\"params\":");
    char out[8192];
    int n;

    printf("%s\n", text);
    fflush(stdout);
    if (!id || !params)
        return 0; /* without an id nobody waits for an answer */
    params += strlen("\"params\":");
    n = snprintf(out, sizeof out, "{\"id\":%lu,\"result\":%.*s}", strtoul(id + 5, NULL, 10), (int) (strrchr(text, '}') - params),
                 params);
    return n < (int) sizeof out && write(fd, out, (size_t) n) == n ? 0 : -1;
}

int main(int argc, char **argv)
{
    static const char hello[] = "{\"method\":\"register\",\"key\":\"plain.echo\"}";
    struct sockaddr_in agent = {.sin_family = AF_INET};
    static char buf[4096];
    size_t have = 0, len;
    ssize_t n;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    agent.sin_port = htons((unsigned short) (argc > 1 ? atoi(argv[1]) : 54320));
    agent.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *) &agent, sizeof agent) < 0 ||
        write(fd, hello, strlen(hello)) != (ssize_t) strlen(hello)) {
        perror("plain_socket");
        return 1;
    }
    while (have < sizeof buf - 1 && (n = read(fd, buf + have, sizeof buf - 1 - have)) > 0) {
        have += (size_t) n;
        while ((len = object_length(buf, have)) > 0) {
            char next = buf[len];

            buf[len] = '\0';
            if (answer(fd, buf) < 0)
                return 1;
            buf[len] = next;
            have -= len;
            memmove(buf, buf + len, have);
        }
    }
    close(fd);
    return 0;
}
