<?php
// A DMS behind PHP's SoapServer that takes an XML text (`process`), with a memory in a file.
// Run by `php -S`; PEER_WSDL and PEER_STATE name the WSDL and the file. GET /ship and /invoice
// let the warehouse ship and finance invoice all that was asked for; GET /books shows the orders.
ini_set('soap.wsdl_cache_enabled', '0');
error_reporting(E_ALL & ~E_DEPRECATED);

// Debian's php-soap comes without a parser for texts: the messages are plain enough to be searched.
function text(string $data, string $name): string
{
    return preg_match("#<$name>(.*?)</$name>#s", $data, $found) ? $found[1] : '';
}

class Dms
{
    public array $books = ['last' => 10000000, 'orders' => []];
    private $file;

    public function __construct()
    {
        $this->file = fopen(getenv('PEER_STATE'), 'c+');
        flock($this->file, LOCK_EX);
        $held = stream_get_contents($this->file);
        if ($held) {
            $this->books = unserialize($held);
        }
    }

    public function keep(): void
    {
        ftruncate($this->file, 0);
        rewind($this->file);
        fwrite($this->file, serialize($this->books));
        fflush($this->file);
    }

    private function next(string $prefix): string
    {
        return $prefix . ++$this->books['last'];
    }

    public function process($request)
    {
        $data = $request->data;
        $method = str_replace('.', '_', $request->name);
        $words = method_exists($this, "do_$method") ? ['0', '成功'] : ['METHOD', 'unknown'];
        $said = $words[0] === '0' ? $this->{"do_$method"}($data) : '';
        if ($said === null) {
            [$words, $said] = [['NOT_FOUND', '单据不存在'], ''];
        }
        $this->keep();
        return ['return' => "<?xml version=\"1.0\" encoding=\"GBK\"?>\n<result><code>$words[0]</code>"
            . "<message>$words[1]</message><data>$said</data></result>"];
    }

    private function entries(string $data): string
    {
        return preg_replace('#<entry line="(\d+)">#', '<entry><line>$1</line>', implode('',
            preg_match_all('#<entry line=.*?</entry>#s', $data, $found) ? $found[0] : []));
    }

    private function do_order_add(string $data): string
    {
        $code = $this->next('SO');
        $head = [];
        foreach (['extNo', 'bu', 'cust', 'curr', 'fee', 'sum'] as $name) {
            $head[$name] = text($data, $name);
        }
        $this->books['orders'][$code] = ['head' => $head, 'entries' => $this->entries($data),
            'state' => 'OPEN', 'notes' => [], 'apps' => [], 'ship' => '', 'inv' => ''];
        return "<code>$code</code>";
    }

    private function do_note_add(string $data): ?string
    {
        $code = text($data, 'code');
        if (!isset($this->books['orders'][$code])) {
            return null;
        }
        $note = $this->next('DN');
        $this->books['orders'][$code]['notes'][$note] = "<note>$note</note><ref>" . text($data, 'ref') . '</ref>'
            . $this->entries($data);
        return "<note>$note</note>";
    }

    private function do_invoice_apply(string $data): ?string
    {
        $code = text($data, 'code');
        if (!isset($this->books['orders'][$code])) {
            return null;
        }
        $app = $this->next('IA');
        $this->books['orders'][$code]['apps'][$app] = ['ref' => text($data, 'ref'), 'amt' => text($data, 'amt')];
        return "<app>$app</app>";
    }

    private function do_order_cancel(string $data): string
    {
        $this->books['orders'][text($data, 'code')]['state'] = 'CANCELLED';
        return '<code>' . text($data, 'code') . '</code>';
    }

    private function do_order_query(string $data): string
    {
        preg_match_all('#<(?:extNo|moreNo)>(.*?)</#', $data, $found);
        $wanted = $found[1];
        $made = '';
        foreach ($this->books['orders'] as $code => $order) {
            if (!in_array($order['head']['extNo'], $wanted, true)) {
                continue;
            }
            $body = '';
            foreach ($order['head'] as $name => $value) {
                $body .= "<$name>$value</$name>";
            }
            $made .= "<order><code>$code</code><extNo>{$order['head']['extNo']}</extNo>"
                . "<state>{$order['state']}</state><createdAt>2026-11-23T14:00:00Z</createdAt>"
                . "<changedAt>2026-11-23T14:00:00Z</changedAt><body>$body{$order['entries']}</body>";
            foreach ($order['notes'] as $note) {
                $made .= "<notes>$note</notes>";
            }
            foreach ($order['apps'] as $app => $said) {
                $made .= "<apps><app>$app</app><ref>{$said['ref']}</ref><amt>{$said['amt']}</amt></apps>";
            }
            $made .= $order['ship'] . $order['inv'] . '</order>';
        }
        return $made;
    }

    public function ship(): void
    {
        foreach ($this->books['orders'] as $code => &$order) {
            foreach ($order['notes'] as $note => $said) {
                $lines = preg_replace('#<ref>.*?</ref>#', '', $said);
                $order['ship'] .= "<ship>$lines<waybill>PHP$note</waybill><carrier>SF</carrier>"
                    . '<shippedOn>2026-11-24T05:00:00Z</shippedOn></ship>';
                $order['state'] = 'SHIPPED';
            }
        }
        $this->keep();
    }

    public function invoice(): void
    {
        foreach ($this->books['orders'] as $code => &$order) {
            foreach ($order['apps'] as $app => $said) {
                $order['inv'] .= "<inv><invNo>FP$app</invNo><app>$app</app><date>2026-11-24</date>"
                    . "<net>{$said['amt']}</net><tax>0.00</tax><gross>{$said['amt']}</gross><red>false</red></inv>";
            }
        }
        $this->keep();
    }
}

$dms = new Dms();
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    $act = trim($_SERVER['REQUEST_URI'], '/');
    if ($act === 'ship' || $act === 'invoice') {
        $dms->$act();
    }
    echo json_encode(array_map(fn ($order) => $order['head']['extNo'], $dms->books['orders']));
    return;
}
$server = new SoapServer(getenv('PEER_WSDL'), ['cache_wsdl' => WSDL_CACHE_NONE]);
$server->setObject($dms);
$server->handle();
