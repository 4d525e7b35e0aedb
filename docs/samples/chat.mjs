// Prints an answer as it comes:  KEY=sk-... node chat.mjs "Hello!"   (Node 18 or newer; URL is the gateway's address)
// In a browser, read `response.body.getReader()` in a loop instead of `for await`, which Safari lacks.

const url = process.env.URL ?? 'http://127.0.0.1:8080';

async function chat(message) {
  const response = await fetch(`${url}/xlei/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': process.env.KEY },
    body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: message }], stream: true }),
  });
  if (!response.ok) throw new Error((await response.json()).message);

  const decoder = new TextDecoder();
  let rest = ''; // a read may end in the middle of an event, even of a character
  for await (const bytes of response.body) {
    const events = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      if (!event.startsWith('data: ')) continue;
      const data = event.slice(6);
      if (data === '[DONE]') return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Error(chunk.message);
      process.stdout.write(chunk.choices[0]?.delta?.content ?? '');
    }
  }
  throw new Error('the answer was cut off');
}

await chat(process.argv[2] ?? 'Hello!');
