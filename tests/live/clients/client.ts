// What an application does with the client that openapi-ts has generated beside this file.
import { client } from './generated/client.gen';
import { driveGetFile, driveGetThumbnail, driveListAllFiles, driveListFiles, drivePostFile, drivePutFile } from './generated/sdk.gen';

declare const process: { env: { [name: string]: string }; exit(status: number): never };

function check(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

async function download(path: string): Promise<string> {
  const got = await driveGetFile({ path: { path }, parseAs: 'blob', throwOnError: true });
  return (got.data as Blob).text();
}

async function main(): Promise<void> {
  client.setConfig({ baseUrl: process.env.CLOUDSVC_URL, auth: process.env.CLOUDSVC_TOKEN });
  const refused = await driveListFiles({ query: { limit: 1 }, auth: 'wrong' });
  check(refused.error?.error === 'invalid_api_key', 'a refusal has its type');

  const content = new Blob(['{"one": ', '1}']);
  const put = await drivePutFile({ path: { path: 'typescript/put.json' }, body: content, throwOnError: true });
  check(put.response.status === 201 && put.data?.size === content.size, 'what is put has its size');
  check((await download('typescript/put.json')) === '{"one": 1}', 'what is put is got');
  const replaced = await drivePutFile({ path: { path: 'typescript/put.json' }, body: new Blob([]), throwOnError: true });
  check(replaced.response.status === 204, 'a file may be empty');

  const post = await drivePostFile({ path: { path: 'typescript/post.txt' }, body: { file: content }, throwOnError: true });
  check(post.data.size === content.size, 'what is posted has its size');
  check((await download('typescript/post.txt')) === '{"one": 1}', 'what is posted is got');

  const page = await driveListFiles({ query: { prefix: 'typescript/', sort: 'path' }, throwOnError: true });
  check(typeof page.data === 'object', 'a page is no text');
  check(page.data.files.map((file) => `${file.filepath} ${file.size}`).join() === 'typescript/post.txt 10,typescript/put.json 0', 'a page lists');
  const all = await driveListAllFiles({ body: { tag: null, offset: 0, limit: 1 }, throwOnError: true });
  check(all.data.files.length === 1, 'the list of upstream clients lists');

  const picture = await driveGetThumbnail({ path: { path: 'sea.png' }, parseAs: 'blob', throwOnError: true });
  check((picture.data as Blob).type === 'image/jpeg', 'a thumbnail is a JPEG');
  console.log('all done');
}

void main().catch((problem) => {
  console.log(problem);
  process.exit(1);
});
