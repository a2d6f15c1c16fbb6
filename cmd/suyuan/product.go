package main

import (
	"fmt"
	"net/url"

	"github.com/spf13/cobra"
)

func newProduct(e *env) *cobra.Command {
	cmd := &cobra.Command{Use: "product", Short: "Add and show products"}
	cmd.AddCommand(newProductAdd(e), newProductShow(e))
	return cmd
}

func newProductAdd(e *env) *cobra.Command {
	var pass passphraseFlags
	var gtin, zh, en, originZh, originEn, net, picture, operator, reward, appliesFrom, producer, sku, contact string
	var version, shelf, corrects, threshold uint64
	var licences []string
	var chain uint32
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Record a product, or a new version of it",
		Long: `Record a product, or a new version of it. Items have the version that applies on
their day of production, else of activation: the last whose --applies-from is not
after it. A version that --corrects an older one stands in its place, also for
items that exist.`,
		Example: `  suyuan product add --dir brand --gtin 06901234000016 --name-zh 玫瑰舒润精华水 \
      --name-en "Rose Soothing Essence" --net-content "150 mL" --shelf-life-days 1095
  suyuan product add --dir brand --gtin 06901234000016 --version 2 --applies-from 2026-06-01 --name-zh 玫瑰舒润精华水 \
      --name-en "Rose Soothing Essence" --net-content "160 mL"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				fields := map[string]any{"gtin": gtin, "version": version, "names": names(zh, en), "issuing_chain": chain}
				if chain == 0 {
					own, err := ownChain(cmd.Context(), c)
					if err != nil {
						return err
					}
					fields["issuing_chain"] = own
				}
				if net != "" {
					fields["net_content"] = net
				}
				if originZh != "" || originEn != "" {
					fields["origin"] = names(originZh, originEn)
				}
				for name, n := range map[string]uint64{"shelf_life_days": shelf, "corrects": corrects, "scan_threshold": threshold} {
					if n > 0 {
						fields[name] = n
					}
				}
				for name, text := range map[string]string{"applies_from": appliesFrom, "producer": producer, "sku": sku, "contact": contact} {
					if text != "" {
						fields[name] = text
					}
				}
				if len(licences) > 0 {
					fields["licences"] = licences
				}
				if reward != "" {
					fields["reward_trigger"] = reward
				}
				if picture != "" {
					digest, err := uploadFile(cmd.Context(), c, picture, "public")
					if err != nil {
						return err
					}
					fields["picture"] = digest
				}
				return postRecords(cmd.Context(), e, c, operator, draft{Kind: "product", Age: new(int64), Fields: fields})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&gtin, "gtin", "", "the product's GTIN")
	f.Uint64Var(&version, "version", 1, "counts from 1")
	f.StringVar(&appliesFrom, "applies-from", "", "items produced from this day on have this version (yyyy-mm-dd)")
	f.Uint64Var(&corrects, "corrects", 0, "older version in whose place this one stands")
	f.StringVar(&zh, "name-zh", "", "Chinese name")
	f.StringVar(&en, "name-en", "", "English name")
	f.StringVar(&originZh, "origin-zh", "", "where it comes from, in Chinese")
	f.StringVar(&originEn, "origin-en", "", "where it comes from, in English")
	f.StringVar(&net, "net-content", "", `such as "150 mL"`)
	f.Uint64Var(&shelf, "shelf-life-days", 0, "days from production to expiry")
	f.StringVar(&producer, "producer", "", "party that makes it, if not this company: member or member/slug")
	f.Uint64Var(&threshold, "scan-threshold", 0, "scans of one code from which they are looked at (0: the default)")
	f.StringVar(&sku, "sku", "", "own number; nobody but this company sees it")
	f.StringSliceVar(&licences, "licence", nil, "licence or standard number")
	f.StringVar(&contact, "contact", "", "whom customers may ask, such as a telephone number")
	f.StringVar(&reward, "reward-trigger", "", "activated, shipped or sold: what makes a reward due for who uses the second code; two operators then activate its codes")
	f.StringVar(&picture, "picture", "", "file with a picture")
	f.Uint32Var(&chain, "issuing-chain", 0, "chain that issues its codes (default: this node's)")
	f.StringVar(&operator, "operator", "", "operator that signs (default: one with a grant)")
	pass.add(cmd)
	for _, name := range []string{"gtin", "name-zh", "name-en"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic("suyuan: " + err.Error())
		}
	}
	return cmd
}

func names(zh, en string) map[string]string {
	m := map[string]string{}
	if zh != "" {
		m["zh"] = zh
	}
	if en != "" {
		m["en"] = en
	}
	return m
}

func newProductShow(e *env) *cobra.Command {
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:   "show GTIN",
		Short: "Print what the network knows of a product, as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				var out any
				if err := c.call(cmd.Context(), "GET", "/01/"+url.PathEscape(args[0]), nil, &out); err != nil {
					return fmt.Errorf("product %s: %w", args[0], err)
				}
				return e.printJSON(out)
			})
		},
	}
	pass.add(cmd)
	return cmd
}
