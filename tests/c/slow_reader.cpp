/* A client that sends 2.4 MB without reading an answer, says so, waits for a line, and then reads all answers: more than the
   server's send queue holds, and less than what its own library keeps for it (8 MiB, then it gives the session up). */
#include <rserpool/rserpool.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv)
{
   using namespace std::chrono_literals;
   constexpr std::size_t size     = 60000;
   constexpr unsigned    messages = 40;
   rserpool::Settings    settings;
   if(argc != 2 || !settings.argument(argv[1])) {
      return 2;
   }
   const rserpool::Library library(settings);
   rserpool::PoolUser      client;
   client.connect("EchoPool");
   /* Each message is filled with another letter. */
   unsigned          sent = 0;
   rserpool::Sending how;
   how.timeout = 20s;
   while(sent < messages && client.send(std::string(size, static_cast<char>('a' + sent % 26)), how) == rserpool::Sent::yes) {
      sent++;
   }
   std::printf("sent %u\n", sent);
   std::fflush(stdout);
   std::getchar();

   std::string buffer(65536, '\0');
   unsigned    received = 0;
   while(received < sent) {
      const auto got = client.receive(buffer.data(), buffer.size(), 20s);
      if(!got) {
         break;
      }
      if(got->is_data()) {
         const std::string wanted(size, static_cast<char>('a' + received % 26));
         if(buffer.compare(0, got->length, wanted) != 0) {
            std::printf("answer %u is another one\n", received);
            return 1;
         }
         received++;
      }
   }
   std::printf("answered %u\n", received);
   return 0;
}
