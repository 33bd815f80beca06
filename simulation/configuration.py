"""The company's ``rapport.yml``: the vendors by name, the back office by mapping."""

RAPPORT_YML = """\
# The trap company. Every back-office file has foreign names, its own dialect and its own clock.
reporting_currency: NOK
time_zone: Europe/Oslo
sources:
  hubspot: {required: true, zone: Europe/Oslo}
  shopify: {required: true}
  sendgrid: {required: true}
  ga4: {required: true, id_space: shop}
  delighted: {required: false, id_space: shop}
  back_office:
    vendor: generic
    id_space: shop
    zone: Europe/Oslo
    files:
      - contract: generic_contacts
        pattern: "kunderegister_*.csv"
        dialect: {delimiter: ";"}
        columns:
          contact_id: Kundenr
          email: E-post
          phone: Mobil
          first_name: Fornavn
          last_name: Etternavn
          loyalty_id: Kortnr
          country: Land
          created_at: {from: Registrert, format: "%d.%m.%Y %H:%M"}
          updated_at: {from: Endret, format: "%d.%m.%Y %H:%M"}
      - contract: generic_orders
        pattern: "kvitteringer_*.csv"
        dialect: {delimiter: ";", decimal: ",", thousands: "."}
        columns:
          order_id: Bon
          ordered_at: {from: Tidspunkt, format: "%d.%m.%Y %H:%M:%S"}
          location_id: Butikk
          loyalty_id: Kort
          is_member: {from: Medlem, map: {Ja: "true", Nei: "false"}}
          gross_amount: Brutto
          discount_amount: Rabatt
          refund_amount: Refusjon
          tax_amount: Mva
          currency: {constant: NOK}
          channel: {constant: store}
      - contract: generic_order_lines
        pattern: "pesanan_*.csv"
        dialect: {delimiter: ";", decimal: ",", thousands: "."}
        zone: Asia/Jakarta
        columns:
          order_id: No Pesanan
          document_type: {from: No Pesanan, map_prefix: {C: cancellation}, default: sale}
          ordered_at: {from: Waktu, format: "%d/%m/%Y %H:%M:%S"}
          email: Surel
          product_id: Kode
          product_name: Barang
          category: Kategori
          quantity: Jumlah
          unit_price: Harga
          currency: {constant: IDR}
          channel: {constant: web}
          country: {constant: Indonesia}
      - contract: generic_tickets
        pattern: "saker_*.csv"
        dialect: {delimiter: ";"}
        columns:
          ticket_id: Saksnr
          customer_id: Kundenr
          email: E-post
          kind:
            from: Type
            map: {Klage: complaint, Spørsmål: question, Retur: return}
            default: question
          channel: Kanal
          status: {from: Status, map: {ny: new, løst: solved}}
          subject: Emne
          created_at: {from: Åpnet, format: "%d.%m.%Y %H:%M"}
          first_response_at: {from: Første svar, format: "%d.%m.%Y %H:%M"}
          resolved_at: {from: Løst, format: "%d.%m.%Y %H:%M"}
          updated_at: {from: Endret, format: "%d.%m.%Y %H:%M"}
          satisfaction: {from: Dom, map: {Bra: good, Dårlig: bad}}
          owner_team: Lag
      - contract: generic_loyalty_events
        pattern: "poengbok_*.csv"
        dialect: {delimiter: ";", decimal: ",", thousands: "."}
        columns:
          event_id: {generate: [Kort, Tid, Hendelse, Poeng, Bilag]}
          loyalty_id: Kort
          customer_id: Kundenr
          kind:
            from: Hendelse
            map:
              Innmelding: join
              Opptjening: earn
              Uttak: redeem
              Tilbakeføring: reversal
              Nivåbytte: tier_change
          points: Poeng
          tier: Nivå
          occurred_at: {from: Tid, format: "%d.%m.%Y %H:%M:%S"}
          order_id: Bilag
          value_amount: Verdi
          currency: {constant: NOK}
      - contract: generic_referrals
        pattern: "advocates_*.csv"
        mode: snapshot
        columns:
          referral_id: ref_no
          customer_id: advocate
          email: advocate_mail
          referred_email: friend_mail
          status: {from: state, map: {open: sent, won: converted}}
          created_at: sent
          converted_at: won
          order_id: first_order
      - contract: generic_reviews
        pattern: "omtaler_*.csv"
        dialect: {delimiter: ";", encoding: cp1252}
        columns:
          review_id: Omtale
          email: E-post
          product_id: Vare
          order_id: Ordre
          rating: Stjerner
          body: Tekst
          created_at: {from: Når, format: "%d.%m.%Y %H:%M:%S"}
          is_published: {from: Synlig, map: {Ja: "true", Nei: "false"}}
          channel: {constant: web}
      - contract: generic_interactions
        pattern: "butikkbesok_*.csv"
        dialect: {delimiter: ";"}
        columns:
          interaction_id: Besøk
          customer_id: Kundenr
          email: E-post
          occurred_at: {from: Inn, format: "%d.%m.%Y %H:%M:%S"}
          channel: {constant: store}
          kind: {constant: store_visit}
          direction: {constant: inbound}
          location_id: Butikk
          duration_seconds: Sekunder
      - contract: generic_interactions
        pattern: "social_*.ndjson"
        columns:
          interaction_id: post.id
          email: author.mail
          occurred_at: when
          channel: where
          kind: what
          duration_seconds: seconds
          direction: towards
          product_id: "post.about[0].sku"
          note: text
      - contract: generic_interactions
        pattern: "anrop_*.csv"
        dialect: {delimiter: ";"}
        columns:
          interaction_id: Anrop
          email: E-post
          occurred_at: Start
          channel: {constant: call}
          kind: {constant: call}
          direction: {from: Retning, map: {inn: inbound, ut: outbound}}
          duration_seconds: Varighet
          outcome: {from: Utfall, map: {fornøyd: good, ok: neutral, misfornøyd: bad}}
      - contract: generic_interactions
        pattern: "push_*.ndjson"
        columns:
          interaction_id: uuid
          customer_id: to.shop_no
          occurred_at: {from: ts, format: epoch_milliseconds}
          channel: {constant: push}
          kind: {from: type, map: {sent: push_received, opened: push_open}}
          direction: {from: type, map: {sent: outbound, opened: inbound}}
      - contract: generic_interactions
        pattern: "utsendelser_*.csv"
        dialect: {delimiter: ";"}
        columns:
          interaction_id: Utsendelse
          customer_id: Kundenr
          occurred_at: {from: Sendt, format: "%d.%m.%Y %H:%M:%S"}
          channel: {constant: survey}
          kind: {constant: survey_sent}
          direction: {constant: outbound}
      - contract: generic_survey_responses
        pattern: "intervjuer_*.csv"
        dialect: {delimiter: ";"}
        columns:
          response_id: Intervju
          customer_id: Kundenr
          survey_type: {constant: csat}
          score: Karakter
          answered_at: {from: Tid, format: "%d.%m.%Y %H:%M:%S"}
          method: {constant: interview}
          interaction_id: Besøk
      - contract: generic_consents
        pattern: "samtykker_*.csv"
        dialect: {delimiter: ";"}
        columns:
          email: E-post
          channel: Kanal
          purpose: {constant: marketing}
          state: {from: Svar, map: {ja: granted, nei: denied}}
          occurred_at: {from: Når, format: "%d.%m.%Y %H:%M:%S"}
          method: Måte
      - contract: generic_carts
        pattern: "checkouts_*.csv"
        columns:
          cart_id: checkout_token
          customer_id: shopper_no
          email: shopper_mail
          created_at: begun
          completed_at: finished
          order_id: order_ref
          amount: worth
          currency: cur
          item_count: pieces
          channel: {constant: web}
      - contract: generic_products
        pattern: "varer_*.csv"
        dialect: {delimiter: ";", decimal: ",", thousands: "."}
        columns:
          product_id: Artikkel
          product_name: Navn
          category: Gruppe
          price: Pris
          currency: {constant: NOK}
          is_active: {from: Aktiv, map: {Ja: "true", Nei: "false"}}
          updated_at: Oppdatert
      - contract: generic_campaigns
        pattern: "kampanjer_*.csv"
        dialect: {delimiter: ";", decimal: ",", thousands: "."}
        columns:
          campaign_id: Kampanje
          channel: Kanal
          campaign_name: Tittel
          objective: Formål
          started_at: {from: Fra, format: "%d.%m.%Y"}
          ended_at: {from: Til, format: "%d.%m.%Y"}
          deadline_at: {from: Frist, format: "%d.%m.%Y"}
          cost: Kostnad
          currency: {constant: NOK}
          audience_size: Mottakere
          is_personalised: {from: Tilpasset, map: {Ja: "true", Nei: "false"}}
      - contract: generic_email_events
        pattern: "kontrollgruppe_*.csv"
        dialect: {delimiter: ";"}
        columns:
          event_id: {generate: [Kampanje, E-post, Trukket]}
          email: E-post
          event: {constant: withheld}
          campaign_id: Kampanje
          occurred_at: {from: Trukket, format: "%d.%m.%Y %H:%M:%S"}
      - contract: generic_exchange_rates
        pattern: "valutakurser_*.csv"
        dialect: {delimiter: ";", decimal: ",", thousands: "."}
        columns:
          rate_date: {from: Dato, format: "%d.%m.%Y"}
          from_currency: Fra
          to_currency: Til
          rate: Kurs
"""
