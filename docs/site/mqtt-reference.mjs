// The page of MQTT, made of device/contract/asyncapi.json, with the committed examples of signed documents.
import { relativeTo } from './addresses.mjs';
import { anchorMaker, codeBlock, escapeHtml, heading, pathCode, proseHtml, table } from './html.mjs';
import { exampleOf, schemaHtml } from './json-schema.mjs';

const code = (text) => `<code>${escapeHtml(text)}</code>`;
const ADDRESS = 'reference/mqtt.html';

function claimsIn(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString('utf8'));
}

/** What a message carries: its schema, and an example. A signed one's are its claims'. */
export function carriedBy(message, examples) {
  const schema = message['x-jws-claims'] ?? message.payload;
  const signed = examples.tokens.find(({ typ }) => typ === message['x-jws-type']);
  return { schema, example: signed ? claimsIn(signed.token) : exampleOf(schema), token: signed?.token ?? null };
}

/** The page. `files`: where the two documents are copied to. */
export function mqttPage(api, examples, files) {
  const anchorOf = anchorMaker();
  const channels = Object.entries(api.channels);
  const link = (file, words) => `<a href="${escapeHtml(relativeTo(ADDRESS, file))}">${words}</a>`;
  const rows = channels.map(([name, channel]) => {
    const isRetained = Object.values(channel.messages)[0]['x-retained'];
    const to = `<a href="#${escapeHtml(name)}">${pathCode(channel.address)}</a>`;
    return [to, escapeHtml(channel['x-writer']), escapeHtml(channel['x-reader']), isRetained ? 'yes' : 'no'];
  });
  const content = [
    heading(1, anchorOf('MQTT'), 'MQTT'),
    `<p>${escapeHtml(api.info.description)}</p>`,
    `<p>${link(files.api, `AsyncAPI ${escapeHtml(api.asyncapi)}`)}, contract version ${escapeHtml(api.info.version)}; `,
    `${link(files.examples, 'signed examples')}.</p>`,
    heading(2, anchorOf('Topics'), 'Topics'),
    table(['Topic', 'Writer', 'Reader', 'Retained'], rows),
    ...channels.map(([name, channel]) => channelHtml(name, channel, examples)),
  ];
  return { address: ADDRESS, title: 'MQTT', content: content.join('\n') };
}

function channelHtml(name, channel, examples) {
  const messages = Object.values(channel.messages).map((message) => {
    const { schema, example, token } = carriedBy(message, examples);
    const signed = message['x-jws-type'] ? `, signed as ${code(message['x-jws-type'])}: its claims` : '';
    const isText = message.contentType === 'text/plain';
    return [
      `<p>${code(message.contentType)}${signed}.</p>`,
      schemaHtml(schema),
      '<p class="part">Example</p>',
      codeBlock(escapeHtml(isText ? String(example) : JSON.stringify(example, null, 2))),
      token ? `<details class="fold"><summary>As sent</summary>${codeBlock(escapeHtml(token))}</details>` : '',
    ].join('\n');
  });
  const isRetained = Object.values(channel.messages)[0]['x-retained'];
  const [writer, reader] = [channel['x-writer'], channel['x-reader']].map(escapeHtml);
  return [
    heading(2, name, pathCode(channel.address)),
    `<p>${proseHtml(channel.summary)}</p>`,
    `<p class="roles">Written by ${writer}, read by ${reader}, ${isRetained ? 'retained' : 'not retained'}.</p>`,
    ...messages,
  ].join('\n');
}
