// An identity provider for tests: node provider.mjs SETTINGS, a file of JSON; over TLS, on a free port, which it writes down.
import fs from 'node:fs';
import https from 'node:https';
import Provider from 'oidc-provider';

const settings = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const server = https.createServer({key: fs.readFileSync(settings.key), cert: fs.readFileSync(settings.certificate)});

server.listen(0, '127.0.0.1', () => {
  const {port} = server.address();
  // Another site than `localhost`, to a browser.
  const provider = new Provider(`https://127.0.0.1:${port}`, {
    clients: [{
      client_id: settings.client_id,
      client_secret: settings.client_secret,
      redirect_uris: settings.redirect_uris,
      grant_types: ['authorization_code'],
      response_types: ['code'],
    }],
    // Who signs in is whoever they say to be, in the forms that it has for developers.
    findAccount: (context, id) => ({accountId: id, claims: () => ({sub: id, ...settings.people[id]})}),
    claims: {openid: ['sub'], profile: ['name', 'preferred_username', 'groups']},
    pkce: {required: () => true},
    cookies: {keys: ['for tests']},
  });
  server.on('request', provider.callback());
  fs.writeFileSync(`${settings.port_file}.new`, String(port));
  fs.renameSync(`${settings.port_file}.new`, settings.port_file);
});
