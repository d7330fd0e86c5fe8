/* As sizes.c, for the service's header. */
#include <hermes_sse/service.h>
#include <stdio.h>

#define SIZE(type)           printf("%s %zu\n", #type, sizeof(type))
#define OFFSET(type, member) printf("%s.%s %zu\n", #type, #member, offsetof(type, member))

int main(void)
{
  SIZE(hermes_sse_service_options);
  OFFSET(hermes_sse_service_options, store_timeout_ms);
  SIZE(hermes_sse_request_input);
  OFFSET(hermes_sse_request_input, header);
  OFFSET(hermes_sse_request_input, user);
  SIZE(hermes_sse_download_progress);
  OFFSET(hermes_sse_download_progress, more);
  return 0;
}
